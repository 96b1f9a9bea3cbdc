{{ config(meta={
    'unit': 'event_day', 'by': {'event_day': day_key('event_date')}
}) }}

{# Measures by the day and the unit of a card: the company, a department or a group, in the
   structure of the fact's date and in that of today. A measure that nothing gave is null. #}
{%- set measures = measures_in('rpt_kpi_daily') -%}

with

structures as (

    select * from {{ ref('structures') }}

),

parts as (
    {{ split_parts(['event_date', 'employee_key', 'unit_path_key']) }}

),

-- Whoever is known stands in the unit of the fact's date, or in that of today.
placed as (

    select
        structures.structure,
        parts.event_date,
        {%- for unit in ['department_key', 'group_key'] %}
        case
            when structures.structure = 'fact_date' or employees.employee_key is null
                then places.{{ unit }}
            else employees.{{ unit }}
        end as {{ unit }},
        {%- endfor %}
        {%- for measure in measures %}
        parts.{{ measure.name }}{{ ',' if not loop.last }}
        {%- endfor %}

    from parts

    cross join structures

    {{ join_places('parts') }}

),

grouped as (

    select
        structure,
        event_date,
        department_key,
        group_key,
        {%- for measure in measures %}
        ops.total({{ measure.name }}) as {{ measure.name }}{{ ',' if not loop.last }}
        {%- endfor %}

    from placed

    group by structure, event_date, department_key, group_key

),

levelled as (

    select
        grouped.structure,
        grouped.event_date,
        units.unit_key,
        {%- for measure in measures %}
        ops.total(grouped.{{ measure.name }}) as {{ measure.name }}{{ ',' if not loop.last }}
        {%- endfor %}

    from grouped

    cross join lateral (
        select distinct named.unit_key
        from (
            values ('company'), (grouped.department_key), (grouped.group_key)
        ) as named (unit_key)
        where named.unit_key is not null
    ) as units

    group by grouped.structure, grouped.event_date, units.unit_key

)

select * from levelled
