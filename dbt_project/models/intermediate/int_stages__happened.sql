{{ config(meta={
    'unit': 'deal_key',
    'clocked': 'event_date > {previous_day}',
}) }}

{# One row per move of a deal back, to a stage of a lower rank, and per move into a
   refusal, also of a deal that was taken up again. #}
with

visits as (

    select visits.*

    from {{ ref('int_stage_visits__limited') }} as visits

    inner join {{ ref('int_deals__counted') }} as deals
        on visits.deal_key = deals.deal_key

),

happened as (

    select
        'stage_returned' as event_type,
        visit_key as fact_key,
        entered_date as event_date,
        deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        stage as detail,
        cast(null as numeric(18, 2)) as amount

    from visits

    where is_return

    union all

    select
        'deal_refused' as event_type,
        visit_key as fact_key,
        entered_date as event_date,
        deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        previous_stage as detail,
        cast(null as numeric(18, 2)) as amount

    from visits

    where
        stage = 'lost'
        and previous_stage is distinct from 'lost'

)

select * from happened
