{{ config(meta={'unit': 'deal_key'}) }}

{# One row per deal and side: cohort is its beginning, closed its end. A deal is watched
   from the first contact until it is closed or refused; while neither has happened,
   watched_until is empty. #}
with

steps as (

    select * from {{ ref('fct_conversion_steps') }}
    where pair = 'lead_new__closed_won'

),

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

staged as (

    select * from {{ ref('int_deals__staged') }}

),

watched as (

    select
        deals.deal_key,
        staged.first_contact_date as watched_from,
        case
            when deals.outcome = 'lost' then deals.lost_date
            else deals.closing_date
        end as ended_date,
        deals.outcome = 'won' and deals.closing_date <= {{ today() }} as is_closed,
        deals.closing_date

    from deals

    inner join staged
        on deals.deal_key = staged.deal_key

),

sided as (

    select
        steps.deal_key,
        case steps.side when 'entered' then 'cohort' else 'closed' end as side,
        case steps.side when 'entered' then steps.event_date else watched.closing_date end
            as event_date,
        steps.department_key,
        steps.group_key,
        steps.deal_type_label,
        watched.is_closed,
        watched.watched_from,
        case when watched.ended_date <= {{ today() }} then watched.ended_date end
            as watched_until

    from steps

    inner join watched
        on steps.deal_key = watched.deal_key

    where
        steps.side = 'entered'
        or watched.is_closed

)

select * from sided
