{# Russian order without a collation library: small letters, ё right after е. #}
{% macro sort_key(expression) -%}
    replace(lower({{ expression }}), chr(1105), chr(1077) || chr(1103) || chr(1103))
{%- endmacro %}
