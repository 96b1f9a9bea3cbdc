{#- Horizons of seeds/conversion_horizons.csv: a deal is of an age when it had that long. -#}
{%- set horizons = [30, 60, 90, 180] -%}

{# How many steps have the same month, scope, fate and lag: the unit, its department and
   the company read each of them, for one type of deal and for all. Counts of deals add
   up, so nothing finer is needed for shares and percentiles. heads: the deals but for
   those that hang on another one, so that a chain is one deal. #}
with

steps as (

    select * from {{ ref('int_conversion_steps__unioned') }}

),

units as (

    select unit_key from {{ ref('int_org_units__listed') }}

),

grouped as (

    select
        department_key,
        group_key,
        pair,
        side,
        event_month,
        deal_type_label,
        reached,
        decided,
        lag_days,
        case
            {%- for days in horizons | reverse %}
            when age_days >= {{ days }} then {{ days }}
            {%- endfor %}
            else 0
        end as age_reached,
        count(*) as deals,
        count(*) filter (where not is_chain_link) as heads

    from steps

    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10

),

by_unit as (

    {%- for key in ["'company'", 'department_key', 'group_key'] %}

    select
        {{ key }} as unit_key,
        pair,
        side,
        event_month,
        deal_type_label,
        reached,
        decided,
        lag_days,
        age_reached,
        deals,
        heads

    from grouped

    where {{ key }} is not null

        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}

),

by_type as (

    select
        by_unit.*,
        true as is_every_type

    from by_unit

    union all

    select
        by_unit.*,
        false as is_every_type

    from by_unit

    where by_unit.deal_type_label is not null

),

scoped as (

    select
        by_type.unit_key,
        by_type.pair,
        by_type.side,
        by_type.event_month,
        case
            when by_type.is_every_type then {{ text('all_deal_types') }}
            else by_type.deal_type_label
        end as deal_type_label,
        by_type.is_every_type,
        by_type.reached,
        by_type.decided,
        by_type.lag_days,
        by_type.age_reached,
        {{ months_between('by_type.event_month', today()) }} as months_ago,
        sum(by_type.deals) as deals,
        sum(by_type.heads) as heads

    from by_type

    inner join units
        on by_type.unit_key = units.unit_key

    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11

)

select * from scoped
