{{ config(meta={
    'unit': 'deal_key',
    'clocked': 'event_date > {previous_day}',
}) }}

{# What is measured of a deal once, for medians over the deals themselves. #}
with

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

staged as (

    select * from {{ ref('int_deals__staged') }}

),

measured as (

    select
        'deal_cycle_measured' as event_type,
        deals.deal_key as fact_key,
        deals.closing_date as event_date,
        deals.deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        cast(null as text) as detail,
        cast(staged.cycle_days as numeric(18, 2)) as amount

    from deals

    inner join staged
        on deals.deal_key = staged.deal_key

    where
        deals.closing_date is not null
        and staged.cycle_days is not null

)

select * from measured
