{# CRM text is hostile: every character that HTML reads as markup is escaped. #}
{% macro escaped(expression) -%}
    replace(replace(replace(replace(replace(
        {{ expression }},
        '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;')
{%- endmacro %}
