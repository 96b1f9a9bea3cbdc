{# One row per record of any CRM: staging of every connected system that gives the
   entity, side by side. Columns and types are the model's own contract; where no system
   gives the entity, the relation is empty. #}
{% macro union_sources(entity) -%}
    {%- set columns = model.get('columns', {}).values()
        | rejectattr('name', 'equalto', 'source_system') | list -%}
    {%- set names = columns | map(attribute='name') | list -%}
    {%- set key = 'source_id' if 'source_id' in names else 'deal_source_id' -%}
    {%- set given = [] -%}
    {%- for kind in var('crm_sources') if is_given(kind, entity) -%}
        {%- do given.append(kind) -%}
    {%- endfor -%}
    {%- for kind in given -%}
        {%- set relation = 'stg_' ~ kind ~ '__' ~ entity %}
        {%- set connection = var(kind)['connection'] %}

select
    cast('{{ connection }}' as text) as source_system
        {%- for column in columns %},
    cast({{ relation }}.{{ column.name }} as {{ column.data_type }}) as {{ column.name }}
        {%- endfor %}

from {{ ref(relation) }} as {{ relation }}
        {%- if is_pass_of_changes() %}

-- The id alone, so that the raw table's index finds the rows. A record of the same id in
-- another system is left out afterwards, by its whole key.
where {{ relation }}.{{ key }} = any(changed_ids)
        {%- endif %}

        {%- if not loop.last %}

union all
        {%- endif %}
    {%- endfor %}
    {%- if not given %}

select
    cast(null as text) as source_system
        {%- for column in columns %},
    cast(null as {{ column.data_type }}) as {{ column.name }}
        {%- endfor %}

where false
    {%- endif %}
{%- endmacro %}
