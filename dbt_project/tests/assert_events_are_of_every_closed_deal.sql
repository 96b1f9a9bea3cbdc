-- Money of closed deals is the same by deal and by fact, part by part.
with

deals as (

    select
        sum(commission_gross) as commission_gross,
        sum(coalesce(discounts, 0)) as discounts,
        sum(coalesce(partner_share, 0)) as partner_share,
        sum(revenue_net + commission_refunds) as revenue_before_refunds

    from {{ ref('fct_deals') }}

    where
        outcome = 'won'
        and recognition_date <= {{ today() }}
        and not is_test
        and not is_deleted

),

events as (

    select
        sum(amount) filter (where fact_type = 'commission_recognised')
            as commission_gross,
        coalesce(sum(amount) filter (where fact_type = 'discount_recognised'), 0)
            as discounts,
        coalesce(sum(amount) filter (where fact_type = 'partner_share_recognised'), 0)
            as partner_share,
        sum(amount) filter (where fact_type = 'revenue_recognised')
            as revenue_before_refunds

    from {{ ref('int_facts__credited') }}

)

select
    deals.*,
    events.revenue_before_refunds as events_revenue_before_refunds

from deals

cross join events

where
    deals.commission_gross is distinct from events.commission_gross
    or coalesce(deals.discounts, 0) <> events.discounts
    or coalesce(deals.partner_share, 0) <> events.partner_share
    or deals.revenue_before_refunds is distinct from events.revenue_before_refunds
