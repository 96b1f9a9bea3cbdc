{{ config(
    materialized='incremental',
    unlogged=false,
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns',
    indexes=[{'columns': ['as_of_date']}],
) }}

{# KPI as they were known at the end of a day: month ends, and days that somebody asked
   for. A day is written once; what is learned later does not change it. A pass after an
   outage writes the days that it missed, from the books as they stood then. #}
{%- set facts = {'fct_deal_events': 'not is_lead', 'fct_lead_events': 'is_lead'} -%}
{%- set dimensions = [
    'as_of_date', 'event_month', 'correction_of_month', 'employee_key', 'unit_path_key',
    'deal_type', 'pipeline_key', 'channel_key',
] -%}
{%- set measured = [
    'is_lead', 'event_type', 'detail', 'credit_weight', 'amount', 'quality',
    'is_duplicate', 'is_repeat', 'is_qualified',
] -%}

-- depends_on: {{ ref('texts') }}

with

days as (

    select
        days.as_of_date,
        days.recorded_before

    from {{ ref('dim_as_of') }} as days
    {%- if is_incremental() %}

    left join (select distinct as_of_date from {{ this }}) as written
        on days.as_of_date = written.as_of_date
    {%- endif %}

    -- Today is not over.
    where
        (days.is_month_end or days.is_asked)
        and not days.is_today
        {%- if is_incremental() %}
        and written.as_of_date is null
        {%- endif %}

),

-- A locked period was shown as it is locked: corrections are signed entries, too.
known as (

    select
        days.as_of_date,
        entries.event_date,
        cast(null as date) as correction_of_month,
        {%- for column in dimensions[3:] + measured %}
        entries.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from {{ ref('int_entries__unioned') }} as entries

    inner join days
        on entries.recorded_at < days.recorded_before

    where not entries.is_stock

    union all

    select
        days.as_of_date,
        corrections.booked_date as event_date,
        corrections.correction_of_month,
        {%- for column in dimensions[3:] + measured %}
        corrections.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from {{ ref('int_corrections__recorded') }} as corrections

    inner join days
        on corrections.recorded_at < days.recorded_before

),

dated as (

    select
        *,
        cast(date_trunc('month', event_date) as date) as event_month
    from known

),

{% for fact, condition in facts.items() -%}
{{ fact }} as (

    select
        {{ dimensions | join(',\n        ') }},
        {{ kpi_parts('rpt_kpi_daily', fact) }}

    from dated

    where {{ condition }}

    group by {{ dimensions | join(', ') }}

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

summed as (

    select
        {{ dimensions | join(',\n        ') }},
        {{ kpi_sums('rpt_kpi_daily') }}

    from together

    group by {{ dimensions | join(', ') }}

),

{{ names_as_known('days') }},

named as (

    select
        summed.as_of_date,
        summed.event_month,
        summed.correction_of_month,
        summed.employee_key,
        {{ unit_columns_as_known('summed') }},
        {{ entry_labels('summed') }},
        {%- for measure in measures_in('rpt_kpi_daily') %}
        summed.{{ measure.name }}{{ ',' if not loop.last }}
        {%- endfor %}

    from summed

    {{ join_names_as_known('summed') }}

    {{ join_entry_labels('summed') }}

),

-- Two channels of one name are one line.
grouped as (

    select
        as_of_date,
        event_month,
        correction_of_month,
        employee_key,
        employee_name,
        group_key,
        group_name,
        department_key,
        department_name,
        deal_type_label,
        pipeline_label,
        channel_label,
        ancestor_keys,
        {{ kpi_sums('rpt_kpi_daily') }}

    from named

    group by
        as_of_date,
        event_month,
        correction_of_month,
        employee_key,
        employee_name,
        group_key,
        group_name,
        department_key,
        department_name,
        deal_type_label,
        pipeline_label,
        channel_label,
        ancestor_keys

),

keyed as (

    select
        {{ surrogate_key([
            'as_of_date', 'event_month', 'correction_of_month', 'employee_key',
            'ancestor_keys', 'group_key', 'department_key', 'deal_type_label',
            'pipeline_label', 'channel_label',
        ]) }} as kpi_key,
        *,
        {{ months_between('event_month', 'as_of_date') }} as months_ago,
        {{ money_reader_keys('employee_key', 'ancestor_keys') }} as reader_keys

    from grouped

    -- What was taken back leaves nothing to tell.
    where
        {%- for measure in measures_in('rpt_kpi_daily') %}
        {{ 'or ' if not loop.first }}{{ measure.name }} <> 0
        {%- endfor %}

)

select * from keyed
