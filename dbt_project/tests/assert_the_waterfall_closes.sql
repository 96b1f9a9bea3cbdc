-- Every deal's money adds up to the kopeck, and so do its parts in the facts.
with

deals as (

    select * from {{ ref('int_deals__valued') }}

),

lines as (

    select
        deal_key,
        sum(agreed_amount) as agreed_amount,
        sum(discount) as discount

    from {{ ref('fct_service_lines') }}

    group by deal_key

)

select deals.deal_key

from deals

left join lines
    on deals.deal_key = lines.deal_key

where
    deals.commission_current + deals.discounts is distinct from lines.agreed_amount
    or deals.discounts is distinct from lines.discount
    or deals.commission_drift <> deals.commission_current - deals.commission_agreed
    or deals.revenue_net <> deals.commission_gross - deals.discounts
    - coalesce(deals.partner_share, 0) - deals.commission_refunds
    or deals.contribution <> deals.revenue_net - coalesce(deals.direct_expenses, 0)
    or deals.amount_paid <> deals.received + deals.advance_offset - deals.refunded
    or deals.payment_remainder - deals.overpayment
    <> coalesce(deals.amount_due, 0) - deals.amount_paid
