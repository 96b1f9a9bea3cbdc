{# The raw column a connection maps to a canonical field, else the source's own one, else
   null. Qualified, because staging joins. #}
{% macro mapped(source_kind, entity, field, default=none, relation='source') -%}
    {%- set column = var(source_kind)['fields'].get(entity, {}).get(field) or default -%}
    {{ relation ~ '.' ~ adapter.quote(column) if column else 'null' }}
{%- endmacro %}

{# Whether a connection gives rows of a canonical entity; known when the project is
   parsed, so it may switch a staging model on and off. #}
{% macro is_given(source_kind, entity) -%}
    {{ return(
        source_kind in var('crm_sources')
        and entity in var(source_kind).get('entities', [])
    ) }}
{%- endmacro %}

{# Whether a connection maps a canonical field of an entity. #}
{% macro is_mapped(source_kind, entity, field) -%}
    {{ return(field in var(source_kind)['fields'].get(entity, {})) }}
{%- endmacro %}
