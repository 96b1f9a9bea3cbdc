{{ config(meta={'unit': 'deal_key', 'also_changed': merged_deals()}) }}

with

deals as not materialized (

    select * from {{ ref('int_deals__counted') }}

),

survivors as not materialized (

    select * from {{ ref('int_deals__survived') }}

),

visits as (

    select * from {{ ref('int_stage_visits__limited') }}

),

facts as (

    select * from {{ ref('int_milestone_facts__dated') }}

),

stages as (

    select * from {{ ref('stages') }}
    where rank is not null

),

ranks_with_facts as (

    select
        cast(given.source_system as text) as source_system,
        cast(given.rank as integer) as rank

    from (
        values
        {%- for kind in var('crm_sources') %}
            {%- for rank in ranks_with_facts(kind) %}
        ('{{ var(kind)["connection"] }}', {{ rank }}),
            {%- endfor %}
        {%- endfor %}
        (null, null)
    ) as given (source_system, rank)

),

-- Deals merged keep the earliest entries of both.
first_visits as (

    select
        survivors.survivor_key as deal_key,
        visits.stage_rank as rank,
        min(visits.entered_at) as entered_at

    from visits

    inner join survivors
        on visits.deal_key = survivors.deal_key

    where visits.stage_rank is not null

    group by survivors.survivor_key, visits.stage_rank

),

first_facts as (

    select
        survivors.survivor_key as deal_key,
        facts.rank,
        min(facts.entered_at) as entered_at,
        min(facts.entered_date) as entered_date

    from facts

    inner join survivors
        on facts.deal_key = survivors.deal_key

    group by survivors.survivor_key, facts.rank

),

told_by_stage as (

    select
        first_visits.deal_key,
        first_visits.rank,
        first_visits.entered_at,
        {{ business_date('first_visits.entered_at') }} as entered_date,
        'stage' as basis

    from first_visits

    inner join deals
        on first_visits.deal_key = deals.deal_key

    left join ranks_with_facts
        on
            deals.source_system = ranks_with_facts.source_system
            and first_visits.rank = ranks_with_facts.rank

    left join first_facts
        on
            first_visits.deal_key = first_facts.deal_key
            and first_visits.rank = first_facts.rank

    -- A request is qualified by its quality or by the stage, whichever came first.
    where
        ranks_with_facts.rank is null
        and (
            first_facts.deal_key is null
            or first_visits.rank <= 20
        )

),

-- A fact in the future has not happened yet.
told_by_fact as (

    select
        deal_key,
        rank,
        entered_at,
        entered_date,
        'fact' as basis

    from first_facts

    where entered_date <= {{ today() }}

),

created as (

    select
        survivors.survivor_key as deal_key,
        10 as rank,
        min(all_deals.created_at) as entered_at,
        min(all_deals.created_date) as entered_date,
        'fact' as basis

    from {{ ref('int_deals__mapped') }} as all_deals

    inner join survivors
        on all_deals.deal_key = survivors.deal_key

    where all_deals.created_at < {{ day_end() }}

    group by survivors.survivor_key

),

told as (

    select * from told_by_stage

    union all

    select * from told_by_fact

    union all

    select * from created

),

first_told as (

    select distinct on (deal_key, rank)
        deal_key,
        rank,
        entered_at,
        entered_date,
        basis

    from told

    order by deal_key asc, rank asc, entered_date asc, entered_at asc, basis asc

),

highest as (

    select
        deal_key,
        max(rank) as max_rank

    from first_told

    group by deal_key

),

-- Whoever reached a rank has passed every lower one.
passed as (

    select
        highest.deal_key,
        stages.rank,
        stages.stage,
        first_told.entered_at,
        first_told.entered_date,
        first_told.basis

    from highest

    inner join deals
        on highest.deal_key = deals.deal_key

    inner join stages
        on highest.max_rank >= stages.rank

    left join first_told
        on
            highest.deal_key = first_told.deal_key
            and stages.rank = first_told.rank

),

reached as (

    select
        deal_key,
        rank,
        stage,
        basis,
        entered_date as own_date,
        min(entered_date) over this_and_higher as entered_date,
        min(entered_at) over this_and_higher as entered_at

    from passed

    window this_and_higher as (
        partition by deal_key
        order by rank desc
        rows between unbounded preceding and current row
    )

),

described as (

    select
        deal_key || '/' || stage as milestone_key,
        deal_key,
        stage,
        cast(rank as integer) as stage_rank,
        entered_at,
        entered_date,
        cast(date_trunc('month', entered_date) as date) as entered_month,
        case when own_date = entered_date then basis else 'skipped' end as basis

    from reached

)

select * from described
