{{ config(meta={
    'unit': 'deal_key',
    'clocked': 'event_date > {previous_day}',
}) }}

{# One row per deal that signed a contract and ended, with what was expected of it on the
   day of the contract: the version known then, else the first one. #}
with

deals as (

    select * from {{ ref('int_deals__counted') }}
    where
        outcome in ('won', 'lost')
        and is_reporting_currency

),

contracts as (

    select * from {{ ref('fct_deal_milestones') }}
    where stage = 'contract_signed'

),

versions as (

    select
        deal_key,
        version_no,
        commission - coalesce(partner_share, 0) as expected_revenue,
        {{ business_date('recorded_from') }} as seen_date

    from {{ ref('int_deals__versioned') }}

    where is_present

),

valued as (

    select distinct on (deals.deal_key)
        deals.deal_key,
        deals.outcome,
        coalesce(deals.closing_date, deals.lost_date) as event_date,
        versions.expected_revenue

    from deals

    inner join contracts
        on deals.deal_key = contracts.deal_key

    inner join versions
        on deals.deal_key = versions.deal_key

    order by
        deals.deal_key asc,
        versions.seen_date <= contracts.entered_date desc,
        case
            when versions.seen_date <= contracts.entered_date then -versions.version_no
            else versions.version_no
        end asc

),

happened as (

    select
        case outcome when 'won' then 'deal_won_valued' else 'deal_lost_valued' end
            as event_type,
        deal_key as fact_key,
        event_date,
        deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        cast(null as text) as detail,
        cast(expected_revenue as numeric(18, 2)) as amount

    from valued

    where
        expected_revenue is not null
        and event_date is not null

)

select * from happened
