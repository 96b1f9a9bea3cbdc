{# CRM text is hostile: every character that HTML reads as markup is escaped. #}
{% macro escaped(expression) -%}
    replace(replace(replace(replace(replace(
        {{ expression }},
        '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
{%- endmacro %}

{# A number that opens the card in its system; without an address it is only a number. #}
{% macro card_link(url, number) -%}
    coalesce(
        '<a class="r-link" target="_blank" href="' || {{ escaped(url) }} || '">'
        || {{ escaped(number) }} || '</a>',
        {{ escaped(number) }}
    )
{%- endmacro %}

{# Text for a cell that shows all of it, in as many lines as it needs. #}
{% macro wrapped(expression) -%}
    '<span class="r-wrap">' || {{ escaped(expression) }} || '</span>'
{%- endmacro %}
