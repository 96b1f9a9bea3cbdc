{{ config(meta={
    'unit': 'event_day',
    'by': {'event_day': day_key('event_date')},
    'clocked': is_another_month(),
}) }}

{%- set labels = ['deal_type_label', 'pipeline_label', 'channel_label'] -%}

with

places as (

    select * from {{ ref('dim_unit_paths') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

parts as (
    {{ split_parts(
        ['event_date', 'correction_of_month', 'employee_key', 'unit_path_key'] + labels
    ) }}

),

grouped as (

    select
        event_date,
        correction_of_month,
        employee_key,
        unit_path_key,
        {{ labels | join(',\n        ') }},
        {{ kpi_sums('rpt_kpi_daily') }}

    from parts

    group by
        event_date,
        correction_of_month,
        employee_key,
        unit_path_key,
        {{ labels | join(',\n        ') }}

),

keyed as (

    select
        {{ surrogate_key([
            'grouped.event_date', 'grouped.correction_of_month', 'grouped.employee_key',
            'places.ancestor_keys', 'grouped.deal_type_label', 'grouped.pipeline_label',
            'grouped.channel_label',
        ]) }} as kpi_key,
        grouped.event_date,
        cast(date_trunc('month', grouped.event_date) as date) as event_month,
        grouped.correction_of_month,
        grouped.employee_key,
        coalesce(employees.full_name, {{ text('unassigned') }}) as employee_name,
        places.group_key,
        coalesce(places.group_name, {{ text('no_group') }}) as group_name,
        places.department_key,
        coalesce(places.department_name, {{ text('no_department') }})
            as department_name,
        {%- for label in labels %}
        grouped.{{ label }},
        {%- endfor %}
        places.ancestor_keys,
        {%- for measure in measures_in('rpt_kpi_daily') %}
        grouped.{{ measure.name }},
        {%- endfor %}
        -- Months of the firm's calendar, so that a chart of the last year needs no clock.
        cast(
            12 * (
                extract(year from {{ today() }}) - extract(year from grouped.event_date)
            ) + extract(month from {{ today() }})
            - extract(month from grouped.event_date)
            as smallint
        ) as months_ago,
        {{ money_reader_keys('grouped.employee_key', 'places.ancestor_keys') }}
            as reader_keys

    from grouped

    left join employees
        on grouped.employee_key = employees.employee_key

    left join places
        on grouped.unit_path_key = places.unit_path_key

)

select * from keyed
