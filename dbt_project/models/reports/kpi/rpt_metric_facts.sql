{{ config(meta={
    'unit': 'deal_key',
    'by': {'deal_key': 'coalesce(deal_key, fact_key)'},
    'clocked': 'event_date < (select min(date_from)'
        ~ ' from dbt_intermediate.int_periods__compared)',
}) }}

{# What the numbers of the pages are made of: one row per metric, fact and person, of the
   days that pages show. A metric is here when its block names its records as its drill. #}
{%- set measures = opened_measures() -%}

with

events as (

    select * from {{ ref('fct_deal_events') }}
    where
        event_date >= (
            select min(periods.date_from)
            from {{ ref('int_periods__compared') }} as periods
        )

),

employees as (

    select * from {{ ref('dim_employees') }}

),

contributed as (

    select
        events.*,
        parts.metric,
        parts.metric_label,
        parts.added_value

    from events

    cross join lateral (
        values
        {%- for measure in measures %}
        (
            '{{ measure.name }}',
            {{ "'" ~ measure.label.replace("'", "''") ~ "'" }},
            cast({{ contribution_sql(measure) }} as numeric(18, 4))
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as parts (metric, metric_label, added_value)

    where parts.added_value is not null

),

placed as (

    select
        contributed.metric || '|' || contributed.event_key as metric_fact_key,
        contributed.metric,
        contributed.metric_label,
        contributed.deal_key,
        contributed.fact_key,
        contributed.event_date,
        contributed.employee_key,
        coalesce(contributed.employee_name, {{ text('unassigned') }}) as employee_name,
        coalesce(contributed.group_name, {{ text('no_group') }}) as group_name,
        coalesce(contributed.department_name, {{ text('no_department') }})
            as department_name,
        -- Nobody's fact has no other unit than that of its date.
        case
            when employees.employee_key is null
                then coalesce(contributed.group_name, {{ text('no_group') }})
            else coalesce(employees.group_name, {{ text('no_group') }})
        end as current_group_name,
        case
            when employees.employee_key is null
                then coalesce(contributed.department_name, {{ text('no_department') }})
            else coalesce(employees.department_name, {{ text('no_department') }})
        end as current_department_name,
        contributed.credit_weight,
        contributed.added_value,
        {{ money_reader_keys(
            'contributed.employee_key',
            "array(select distinct unnest(coalesce(contributed.ancestor_keys, '{}')"
            ~ " || coalesce(employees.ancestor_keys, '{}')))"
        ) }} as reader_keys

    from contributed

    left join employees
        on contributed.employee_key = employees.employee_key

)

select * from placed
