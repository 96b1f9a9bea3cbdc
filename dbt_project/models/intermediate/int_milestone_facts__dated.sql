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

facts as (

    select
        deal_key,
        30 as rank,
        started_at as entered_at,
        meeting_date as entered_date

    from {{ ref('fct_meetings') }}

    {%- for rank, column in [
        (40, 'contract_signed_date'),
        (60, 'advance_received_date'),
        (90, 'settlement_date'),
    ] %}

    union all

    select
        deal_key,
        {{ rank }} as rank,
        cast({{ column }} as timestamp) at time zone '{{ var("timezone") }}' as entered_at,
        {{ column }} as entered_date

    from deals

    where {{ column }} is not null
    {%- endfor %}

),

first_facts as (

    select
        deal_key,
        rank,
        min(entered_at) as entered_at,
        min(entered_date) as entered_date

    from facts

    group by deal_key, rank

)

select * from first_facts
