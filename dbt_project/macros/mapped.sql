{# The raw column a connection maps to a canonical field, else the source's own one, else
   null. Qualified, because staging joins. #}
{% macro mapped(source_kind, entity, field, default=none, relation='source') -%}
    {%- set column = var(source_kind)['fields'].get(entity, {}).get(field) or default -%}
    {{ relation ~ '.' ~ adapter.quote(column) if column else 'null' }}
{%- endmacro %}
