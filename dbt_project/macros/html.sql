{# CRM text is hostile: every character that HTML reads as markup is escaped. #}
{% macro escaped(expression) -%}
    replace(replace(replace(replace(replace(
        {{ expression }},
        '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
{%- endmacro %}

{# Text for a cell that shows all of it, in as many lines as it needs. #}
{% macro wrapped(expression) -%}
    '<span class="r-wrap">' || {{ escaped(expression) }} || '</span>'
{%- endmacro %}
