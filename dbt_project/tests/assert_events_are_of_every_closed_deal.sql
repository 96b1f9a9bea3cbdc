-- Money of closed deals is the same by deal and by event.
with

deals as (

    select
        sum(revenue_net) as revenue_net,
        sum(commission) as commission
    from {{ ref('fct_deals') }}
    where
        outcome = 'won'
        and recognition_date <= as_of_date
        and not is_test
        and not is_deleted

),

events as (

    select
        sum(amount) filter (where event_type = 'revenue_recognised') as revenue_net,
        sum(amount) filter (where event_type = 'commission_recognised') as commission
    from {{ ref('fct_deal_events') }}

)

select
    deals.revenue_net,
    events.revenue_net as events_revenue_net

from deals

cross join events

where
    deals.revenue_net is distinct from events.revenue_net
    or deals.commission is distinct from events.commission
