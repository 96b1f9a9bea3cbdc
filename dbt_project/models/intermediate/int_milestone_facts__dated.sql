{{ config(meta={'unit': 'deal_key', 'also_changed': merged_deals()}) }}

{# One row per deal and rank whose milestone is a fact of its own: the first one. #}
with

deals as (

    select
        unioned.source_system || ':' || unioned.source_id as deal_key,
        unioned.contract_signed_date,
        unioned.advance_received_date,
        unioned.settlement_date

    from {{ ref('int_deals__unioned') }} as unioned

),

-- A deal merged into another one is gone, and its records went with the merge; what its
-- card said is still known.
absorbed as (

    select deals.*

    from deals

    inner join {{ ref('int_deals__survived') }} as survived
        on deals.deal_key = survived.deal_key

    where survived.deal_key <> survived.survivor_key

),

moments as (

    -- The request of a deal is its beginning.
    select
        deal_key,
        10 as rank,
        created_at as entered_at
    from {{ ref('fct_leads') }}

    union all

    select
        deal_key,
        20 as rank,
        qualified_at as entered_at
    from {{ ref('fct_leads') }}

    union all

    select
        deal_key,
        30 as rank,
        started_at as entered_at
    from {{ ref('fct_meetings') }}

    union all

    select
        deal_key,
        50 as rank,
        started_at as entered_at
    from {{ ref('fct_showings') }}
    where status = 'held'

    union all

    select
        deal_key,
        55 as rank,
        from_at as entered_at
    from {{ ref('fct_reservations') }}

),

days as (

    select
        deal_key,
        40 as rank,
        signed_date as entered_date
    from {{ ref('fct_contracts') }}

    union all

    select
        deal_key,
        60 as rank,
        received_date as entered_date
    from {{ ref('fct_advances') }}

    union all

    select
        deal_key,
        90 as rank,
        settlement_date as entered_date
    from deals

    {%- for rank, column in [(40, 'contract_signed_date'), (60, 'advance_received_date')] %}

    union all

    select
        deal_key,
        {{ rank }} as rank,
        {{ column }} as entered_date
    from absorbed
    {%- endfor %}

),

facts as (

    select
        deal_key,
        rank,
        entered_at,
        {{ business_date('entered_at') }} as entered_date
    from moments
    where entered_at is not null

    union all

    select
        deal_key,
        rank,
        cast(entered_date as timestamp) at time zone '{{ var("timezone") }}' as entered_at,
        entered_date
    from days
    where entered_date is not null

),

first_facts as (

    select
        deal_key,
        rank,
        min(entered_at) as entered_at,
        min(entered_date) as entered_date

    from facts

    where deal_key is not null

    group by deal_key, rank

)

select * from first_facts
