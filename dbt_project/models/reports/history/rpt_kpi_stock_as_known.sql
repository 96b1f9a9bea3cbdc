{{ config(
    materialized='incremental',
    unlogged=false,
    incremental_strategy='append',
    full_refresh=false,
    on_schema_change='append_new_columns',
    indexes=[{'columns': ['as_of_date']}],
) }}

{# Stocks as they stood at the end of a day: month ends, and days that somebody asked for.
   A day is written once. Days that pass by themselves are counted to its end. #}
{%- set facts = {'fct_stocks': 'not is_lead', 'fct_lead_stocks': 'is_lead'} -%}
{%- set dimensions = [
    'as_of_date', 'employee_key', 'unit_path_key', 'deal_type', 'pipeline_key',
    'channel_key', 'stage', 'detail',
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

known as (

    select
        days.as_of_date,
        entries.event_key,
        entries.version_pass_id,
        entries.is_reversal,
        entries.is_lead,
        entries.event_type as stock_type,
        entries.fact_key,
        {%- for column in dimensions[1:] %}
        entries.{{ column }},
        {%- endfor %}
        entries.quality,
        entries.credit_weight,
        entries.amount,
        entries.is_shared,
        entries.counted_weight,
        entries.counted_total_weight,
        case when entries.is_reversal then -1 else 1 end as entry_sign,
        -- What passes by itself has a moment from which it is counted.
        case
            when entries.counted_from is not null then cast(
                extract(
                    epoch from greatest(
                        days.recorded_before - entries.counted_from, interval '0'
                    )
                ) / 86400 as numeric(18, 2)
            )
        end as counted_days

    from {{ ref('int_entries__unioned') }} as entries

    inner join days
        on entries.recorded_at < days.recorded_before

    where entries.is_stock

),

counted as (

    select
        *,
        case
            when is_lead or counted_days is null then amount
            when not is_shared then entry_sign * counted_days
            else entry_sign * {{ split_amount(
                'counted_days', 'counted_weight', 'counted_total_weight',
                'as_of_date, stock_type, fact_key, version_pass_id, is_reversal',
                'employee_key'
            ) }}
        end as known_amount,
        case when is_lead then entry_sign * counted_days end as pause_days

    from known

),

held as (

    select
        {{ dimensions | join(',\n        ') }},
        is_lead,
        stock_type,
        quality,
        credit_weight,
        known_amount as amount,
        pause_days

    from counted

),

{% for fact, condition in facts.items() -%}
{{ fact }} as (

    select
        {{ dimensions | join(',\n        ') }},
        {{ kpi_parts('rpt_kpi_stock', fact) }}

    from held

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

{{ names_as_known('days') }},

named as (

    select
        together.as_of_date,
        together.employee_key,
        {{ unit_columns_as_known('together') }},
        {{ entry_labels('together') }},
        stages.label as stage_label,
        cast(stages.rank as smallint) as stage_rank,
        together.detail,
        {%- for measure in measures_in('rpt_kpi_stock') %}
        together.{{ measure.name }}{{ ',' if not loop.last }}
        {%- endfor %}

    from together

    {{ join_names_as_known('together') }}

    {{ join_entry_labels('together') }}

    left join {{ ref('stages') }} as stages
        on together.stage = stages.stage

),

grouped as (

    select
        as_of_date,
        employee_key,
        employee_name,
        group_key,
        group_name,
        department_key,
        department_name,
        deal_type_label,
        pipeline_label,
        channel_label,
        stage_label,
        stage_rank,
        detail,
        ancestor_keys,
        {{ kpi_sums('rpt_kpi_stock') }}

    from named

    group by
        as_of_date,
        employee_key,
        employee_name,
        group_key,
        group_name,
        department_key,
        department_name,
        deal_type_label,
        pipeline_label,
        channel_label,
        stage_label,
        stage_rank,
        detail,
        ancestor_keys

),

keyed as (

    select
        {{ surrogate_key([
            'as_of_date', 'employee_key', 'ancestor_keys', 'group_key', 'department_key',
            'deal_type_label', 'pipeline_label', 'channel_label', 'stage_label', 'detail',
        ]) }} as kpi_key,
        *,
        {{ money_reader_keys('employee_key', 'ancestor_keys') }} as reader_keys

    from grouped

    -- What was taken back leaves nothing to tell.
    where
        {%- for measure in measures_in('rpt_kpi_stock') %}
        {{ 'or ' if not loop.first }}{{ measure.name }} <> 0
        {%- endfor %}

)

select * from keyed
