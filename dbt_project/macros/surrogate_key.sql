{# A key over several columns. The text of a row keeps NULL apart from every value. #}
{% macro surrogate_key(columns) -%}
    md5(cast(row({{ columns | join(', ') }}) as text))
{%- endmacro %}
