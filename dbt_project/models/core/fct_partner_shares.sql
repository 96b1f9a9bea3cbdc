{{ config(meta={'unit': 'deal_key'}) }}

with

shares as (

    select * from {{ ref('int_partner_shares__unioned') }}
    where deleted_at is null

),

deals as (

    select * from {{ ref('int_deals__counted') }}

),

commissions as (

    select
        deal_key,
        sum(agreed_amount) as agreed_amount,
        sum(current_amount) as current_amount

    from {{ ref('fct_service_lines') }}

    group by deal_key

),

-- A percent decides over an amount: the portal keeps 0 beside it.
recorded as (

    select
        shares.source_system || ':' || shares.source_id as partner_share_key,
        deals.deal_key,
        shares.source_system || ':' || shares.company_id as company_key,
        shares.partner_name,
        shares.percent,
        coalesce(shares.base, 'gross') as base,
        case
            when shares.percent is null then shares.amount
            when shares.base = 'after_discount'
                then round(commissions.current_amount * shares.percent / 100, 2)
            else round(commissions.agreed_amount * shares.percent / 100, 2)
        end as amount,
        shares.due_date,
        shares.paid_date,
        false as is_synthetic

    from shares

    inner join deals
        on shares.source_system || ':' || shares.deal_source_id = deals.deal_key

    left join commissions
        on deals.deal_key = commissions.deal_key

),

synthetic as (

    select
        deals.deal_key || ':card' as partner_share_key,
        deals.deal_key,
        cast(null as text) as company_key,
        deals.partner_agency as partner_name,
        cast(null as numeric) as percent,
        cast(null as text) as base,
        deals.partner_share as amount,
        cast(null as date) as due_date,
        cast(null as date) as paid_date,
        true as is_synthetic

    from deals

    left join recorded
        on deals.deal_key = recorded.deal_key

    where
        recorded.deal_key is null
        and deals.partner_share is not null

),

together as (

    select * from recorded

    union all

    select * from synthetic

)

select * from together
