{{ config(meta={
    'unit': 'deal_key', 'by': {'deal_key': 'coalesce(deal_key, fact_key)'}
}) }}

{# Records for medians and distinct counts, which no sum of parts can give: every fact once
   for every unit that it is credited to. Keys, dates and measures, no amounts of money. #}
{%- set measured = [
    'deal_cycle_measured', 'settlement_date_changed', 'entry_measured',
    'showing_of_unit', 'reservation_released',
] -%}

with

facts as (

    select * from {{ ref('fct_deal_events') }}
    -- A correction is a difference of sums. A locked month keeps its fact, the month that
    -- it moved to has it as well.
    where
        correction_of_month is null
        and event_type in (
            {%- for event_type in measured %}
            '{{ event_type }}'{{ ',' if not loop.last }}
            {%- endfor %}
        )

),

roles as (

    select * from {{ ref('roles') }}

),

levelled as (
    {{ facts_by_level('facts', [
        'event_type', 'fact_key', 'detail', 'deal_key', 'role', 'event_date',
        'event_month', 'deal_type_label', 'pipeline_label', 'channel_label',
    ]) }}

),

keyed as (

    select
        {{ surrogate_key([
            'levelled.level', 'levelled.event_type', 'levelled.fact_key',
            'levelled.event_date', 'levelled.employee_key', 'levelled.ancestor_keys',
        ]) }} as fact_row_key,
        levelled.level,
        {{ level_labels('levelled.level') }} as level_label,
        levelled.event_type,
        levelled.fact_key,
        levelled.detail,
        levelled.deal_key,
        levelled.event_date,
        levelled.event_month,
        levelled.employee_key,
        levelled.employee_name,
        levelled.group_key,
        levelled.group_name,
        levelled.department_key,
        levelled.department_name,
        levelled.deal_type_label,
        levelled.pipeline_label,
        levelled.channel_label,
        -- Days and counts: money has its own tables, which fewer people may read.
        cast(levelled.amount as numeric(12, 2)) as amount,
        {{ fact_reader_keys(
            'roles.family', 'levelled.employee_key', 'levelled.ancestor_keys'
        ) }} as reader_keys

    from levelled

    inner join roles
        on levelled.role = roles.role

)

select * from keyed
