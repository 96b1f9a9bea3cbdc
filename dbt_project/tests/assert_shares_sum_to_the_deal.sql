-- Parts of a split amount sum to the whole, kopeck by kopeck.
with

whole as (

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

parts as (

    select
        sum(revenue_net) as revenue_net,
        sum(commission) as commission
    from {{ ref('fct_deal_events') }}
    where event_type = 'deal_closed'

)

select
    whole.revenue_net as whole_revenue_net,
    parts.revenue_net as parts_revenue_net

from whole

cross join parts

where
    whole.revenue_net is distinct from parts.revenue_net
    or whole.commission is distinct from parts.commission
