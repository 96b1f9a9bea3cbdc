{{ config(meta={
    'unit': 'deal_key',
    'by': {
        'deal_key': "coalesce(deal_key, fact_key)",
        'event_day': day_key('fact_date'),
    },
}) }}

{# What happened, and what is held today, which has no date: one shape, one rule of credit.
   The rows are many, so they carry keys: names of people and units are joined by whoever
   reads them. #}
{%- set happened = [
    'int_money__happened', 'int_activities__happened', 'int_deals__measured',
    'int_changes__happened', 'int_stages__happened',
    'int_outcomes__happened', 'int_objects__happened',
] -%}
{%- set held = ['int_deals__held', 'int_money__held', 'int_stages__held'] -%}
{#- Who held the role on the day of the fact. -#}
{%- set held_then -%}
    counted.deal_key = holders.deal_key
            and counted.role = holders.role
            and counted.credit_date >= holders.valid_from
            and counted.credit_date < holders.valid_to
            and counted.employee_key is null
{%- endset -%}

with

deals as (

    select * from {{ ref('fct_deals') }}
    where
        not is_deleted
        and not is_test

),

holders as (

    select * from {{ ref('int_deal_holders__spanned') }}

),

placements as (

    select * from {{ ref('dim_employee_placements') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

facts as (
    {% for model in happened %}

    select
        event_type as fact_type,
        false as is_stock,
        fact_key,
        event_date as fact_date,
        deal_key,
        role,
        employee_key,
        detail,
        amount,
        cast(null as timestamptz) as counted_from

    from {{ ref(model) }}

    -- A date in the future is a mistake of the card, not a fact that happened.
    where event_date <= {{ today() }}

    union all
    {% endfor %}
    {%- for model in held %}

    select
        stock_type as fact_type,
        true as is_stock,
        fact_key,
        cast(null as date) as fact_date,
        deal_key,
        role,
        employee_key,
        detail,
        amount,
        counted_from

    from {{ ref(model) }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}

),

-- A fact without a deal (a lead) knows its person; one with a deal counts as the deal.
-- Read twice: all facts are too many to be put aside.
counted as not materialized (

    select
        facts.*,
        coalesce(facts.fact_date, {{ today() }}) as credit_date,
        deals.responsible_place_key,
        deals.deal_type,
        deals.deal_type_label,
        deals.pipeline_label,
        deals.channel_label

    from facts

    left join deals
        on facts.deal_key = deals.deal_key

    where
        facts.deal_key is null
        or deals.deal_key is not null

),

-- Of a fact that names its person itself nobody else held the role.
sole as (

    select
        counted.*,
        coalesce(counted.employee_key, holders.employee_key) as credited_key,
        coalesce(holders.weight, 1) as weight,
        coalesce(holders.total_weight, 1) as total_weight

    from counted

    left join holders
        on
            {{ held_then }}

    where coalesce(holders.weight = holders.total_weight, true)

),

shared as (

    select
        counted.*,
        holders.employee_key as credited_key,
        holders.weight,
        holders.total_weight

    from counted

    inner join holders
        on
            {{ held_then }}

    where holders.weight <> holders.total_weight

),

-- Only a fact of several people is split; most have one.
split as (

    select
        *,
        cast(1 as numeric(9, 4)) as credit_weight,
        cast(amount as numeric(18, 2)) as credited_amount,
        false as is_shared

    from sole

    union all

    select
        *,
        cast(
            {{ split_amount(
                '1', 'weight', 'total_weight', 'fact_type, fact_key', 'credited_key', 10000
            ) }} as numeric(9, 4)
        ) as credit_weight,
        cast(
            -- A negative amount is split like its opposite.
            sign(amount) * {{ split_amount(
                'abs(amount)', 'weight', 'total_weight', 'fact_type, fact_key',
                'credited_key'
            ) }} as numeric(18, 2)
        ) as credited_amount,
        true as is_shared

    from shared

),

-- A fact stays in the unit its person was in on that day; without a known person it is in
-- the unit of the person responsible for the deal.
placed as (

    select
        split.fact_type,
        split.is_stock,
        split.fact_key,
        split.fact_date,
        split.deal_key,
        split.role,
        split.detail,
        coalesce(employees.employee_key, 'unassigned') as employee_key,
        placements.unit_path_key,
        split.deal_type,
        split.deal_type_label,
        split.pipeline_label,
        split.channel_label,
        split.credit_weight,
        split.credited_amount as amount,
        cast(split.amount as numeric(18, 2)) as whole_amount,
        split.is_shared,
        -- What passes by itself is split anew on the day that is asked for.
        split.counted_from,
        case when split.counted_from is not null then split.weight end as counted_weight,
        case when split.counted_from is not null then split.total_weight end
            as counted_total_weight

    from split

    left join employees
        on split.credited_key = employees.employee_key

    left join placements
        on
            coalesce(employees.employee_key, split.responsible_place_key)
            = placements.employee_key
            and split.credit_date >= placements.valid_from
            and split.credit_date < placements.valid_to

)

select * from placed
