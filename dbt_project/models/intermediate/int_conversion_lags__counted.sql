{# How many steps of one transition, month, unit and type of deal took as many days: what a
   percentile needs. #}
with

steps as (

    select * from {{ ref('int_conversion_steps__unioned') }}
    where lag_days is not null

),

placements as (

    select * from {{ ref('dim_employee_placements') }}

)

select
    steps.event_month,
    steps.pair,
    placements.department_key,
    placements.group_key,
    steps.deal_type_label,
    steps.is_chain_link,
    steps.lag_days,
    cast(count(*) as integer) as deals

from steps

left join placements
    on steps.placement_key = placements.placement_key

group by
    steps.event_month,
    steps.pair,
    placements.department_key,
    placements.group_key,
    steps.deal_type_label,
    steps.is_chain_link,
    steps.lag_days
