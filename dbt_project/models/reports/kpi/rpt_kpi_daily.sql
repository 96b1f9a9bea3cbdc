{%- set labels = ['deal_type_label', 'pipeline_label', 'channel_label'] -%}

with

placements as (

    select * from {{ ref('dim_employee_placements') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

parts as (

    select * from {{ ref('int_facts__summed') }}
    {%- for fact in daily_facts() %}

    union all

    select
        event_date,
        employee_key,
        min(placement_key) as placement_key,
        {{ labels | join(',\n        ') }},
        {{ kpi_parts('rpt_kpi_daily', fact) }}

    from {{ ref(fact) }}

    where is_shared

    group by
        event_date,
        employee_key,
        org_unit_key,
        {{ labels | join(',\n        ') }}
    {%- endfor %}

),

grouped as (

    select
        parts.event_date,
        parts.employee_key,
        min(parts.placement_key) as placement_key,
        {%- for label in labels %}
        parts.{{ label }},
        {%- endfor %}
        {{ kpi_sums('rpt_kpi_daily') }}

    from parts

    left join placements
        on parts.placement_key = placements.placement_key

    group by
        parts.event_date,
        parts.employee_key,
        placements.org_unit_key,
        {%- for label in labels %}
        parts.{{ label }}{{ ',' if not loop.last }}
        {%- endfor %}

),

keyed as (

    select
        {{ surrogate_key([
            'grouped.event_date', 'grouped.employee_key', 'placements.ancestor_keys',
            'grouped.deal_type_label', 'grouped.pipeline_label', 'grouped.channel_label',
        ]) }} as kpi_key,
        grouped.event_date,
        cast(date_trunc('month', grouped.event_date) as date) as event_month,
        grouped.employee_key,
        coalesce(employees.full_name, {{ text('unassigned') }}) as employee_name,
        placements.group_key,
        coalesce(placements.group_name, {{ text('no_group') }}) as group_name,
        placements.department_key,
        coalesce(placements.department_name, {{ text('no_department') }})
            as department_name,
        {%- for label in labels %}
        grouped.{{ label }},
        {%- endfor %}
        placements.ancestor_keys,
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
        {{ money_reader_keys('grouped.employee_key', 'placements.ancestor_keys') }}
            as reader_keys

    from grouped

    left join employees
        on grouped.employee_key = employees.employee_key

    left join placements
        on grouped.placement_key = placements.placement_key

)

select * from keyed
