{# One sentence or word that data shows, from seeds/texts.csv. #}
{% macro text(name) -%}
    (select texts.template from {{ ref('texts') }} as texts where texts.text = '{{ name }}')
{%- endmacro %}
