{{ config(meta={'unit': 'deal_key'}) }}

with

deals as (

    select * from {{ ref('fct_deals') }}

),

held as (

    select
        case outcome when 'paused' then 'deal_paused' else 'deal_open' end as stock_type,
        deal_key as fact_key,
        deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        cast(null as text) as detail,
        cast(expected_revenue as numeric(18, 2)) as amount,
        cast(null as timestamptz) as counted_from

    from deals

    where outcome in ('open', 'paused')

)

select * from held
