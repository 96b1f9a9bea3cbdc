{{ config(meta={
    'unit': 'deal_key',
    'clocked': 'event_date > {previous_day}',
}) }}

{# One row per change of a watched field, and per fact entered long after its day. #}
with

changes as (

    select * from {{ ref('int_deal_fields__changed') }}

),

entries as (

    select * from {{ ref('fct_deal_entries') }}

),

happened as (

    select
        case field
            when 'planned_settlement_date' then 'settlement_date_changed'
            when 'commission' then 'commission_changed'
            when 'deal_owner' then 'owner_changed'
            when 'channel' then 'channel_changed'
            when 'price' then 'price_changed'
        end as event_type,
        change_key as fact_key,
        change_date as event_date,
        deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        case
            when is_across_month then 'across_month'
            when field = 'planned_settlement_date' then 'within_month'
        end as detail,
        cast(shift_days as numeric(18, 2)) as amount

    from changes

    union all

    select
        'entry_backdated' as event_type,
        entry_key as fact_key,
        entry_date as event_date,
        deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        fact_type as detail,
        cast(null as numeric(18, 2)) as amount

    from entries

    where is_backdated

    union all

    select
        'settlement_changed_late' as event_type,
        change_key as fact_key,
        change_date as event_date,
        deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        cast(null as text) as detail,
        cast(shift_days as numeric(18, 2)) as amount

    from changes

    where is_late

    union all

    select
        'revenue_moved' as event_type,
        change_key as fact_key,
        change_date as event_date,
        deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        cast(null as text) as detail,
        cast(moved_revenue as numeric(18, 2)) as amount

    from changes

    where moved_revenue is not null

    union all

    select
        'entry_measured' as event_type,
        entry_key as fact_key,
        entry_date as event_date,
        deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        fact_type as detail,
        cast(entry_lag_days as numeric(18, 2)) as amount

    from entries

    where entry_lag_days is not null

)

select * from happened
