{# Facts that contribute: each gives the measures of its own metric blocks. #}
{%- set facts = ['fct_deal_events', 'fct_lead_events'] -%}
{%- set dimensions = [
    'event_date', 'event_month', 'correction_of_month', 'employee_key', 'employee_name',
    'group_key', 'group_name', 'department_key', 'department_name', 'deal_type_label',
    'pipeline_label', 'channel_label', 'ancestor_keys',
] -%}

with

{% for fact in facts %}
{{ fact }} as (

    select
        {{ dimensions | join(',\n        ') }},
        {{ kpi_columns('rpt_kpi_daily', fact) }}

    from {{ ref(fact) }}

    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13

),

{% endfor -%}

together as (
    {% for fact in facts %}

    select * from {{ fact }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}

),

grouped as (

    select
        event_date,
        event_month,
        correction_of_month,
        employee_key,
        coalesce(employee_name, {{ text('unassigned') }}) as employee_name,
        group_key,
        coalesce(group_name, {{ text('no_group') }}) as group_name,
        department_key,
        coalesce(department_name, {{ text('no_department') }}) as department_name,
        deal_type_label,
        pipeline_label,
        channel_label,
        ancestor_keys,
        {{ kpi_sums('rpt_kpi_daily') }}

    from together

    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13

),

keyed as (

    select
        {{ surrogate_key([
            'event_date', 'correction_of_month', 'employee_key', 'ancestor_keys',
            'deal_type_label', 'pipeline_label', 'channel_label',
        ]) }} as kpi_key,
        *,
        -- Months of the firm's calendar, so that a chart of the last year needs no clock.
        cast(
            12 * (
                extract(year from {{ today() }}) - extract(year from event_month)
            ) + extract(month from {{ today() }}) - extract(month from event_month)
            as smallint
        ) as months_ago,
        {{ money_reader_keys('employee_key', 'ancestor_keys') }} as reader_keys

    from grouped

)

select * from keyed
