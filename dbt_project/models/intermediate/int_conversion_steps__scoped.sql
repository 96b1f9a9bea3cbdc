{# One row per step and scope that reads it: the unit, its department and
   the company, each for one type of deal and for all. #}
with

steps as (

    select * from {{ ref('int_conversion_steps__unioned') }}

),

units as (

    select unit_key from {{ ref('int_org_units__listed') }}

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
        age_days

    from steps

    where {{ key }} is not null

        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}

),

by_type as (

    select
        unit_key,
        pair,
        side,
        event_month,
        'all' as deal_type_scope,
        cast(null as text) as deal_type_label,
        reached,
        decided,
        lag_days,
        age_days

    from by_unit

    union all

    select
        unit_key,
        pair,
        side,
        event_month,
        'one' as deal_type_scope,
        deal_type_label,
        reached,
        decided,
        lag_days,
        age_days

    from by_unit

    where deal_type_label is not null

),

scoped as (

    select
        by_type.unit_key,
        by_type.pair,
        by_type.side,
        by_type.event_month,
        coalesce(by_type.deal_type_label, {{ text('all_deal_types') }}) as deal_type_label,
        by_type.deal_type_scope = 'all' as is_every_type,
        by_type.reached,
        by_type.decided,
        by_type.lag_days,
        by_type.age_days,
        {{ months_between('by_type.event_month', today()) }} as months_ago

    from by_type

    inner join units
        on by_type.unit_key = units.unit_key

)

select * from scoped
