{{ config(meta={
    'unit': 'step_cell',
    'by': {
        'step_cell': unit_of_cell('step_cell'),
        'cohort_pair_key': cohort_pair_key(day_key('event_month'), 'pair'),
    },
    'also_changed': cells_of_changed_steps(),
}) }}

{# How many steps of one transition and cell took as many days, with the unit and the type of
   deal: what a percentile needs. #}
with

steps as (

    select * from {{ ref('int_conversion_steps__unioned') }}
    where lag_days is not null

),

places as (

    select * from {{ ref('dim_unit_paths') }}

)

select
    steps.step_cell,
    steps.event_month,
    steps.pair,
    places.department_key,
    places.group_key,
    steps.deal_type_label,
    steps.is_chain_link,
    steps.lag_days,
    cast(count(*) as integer) as deals

from steps

left join places
    on steps.unit_path_key = places.unit_path_key

group by
    steps.step_cell,
    steps.event_month,
    steps.pair,
    places.department_key,
    places.group_key,
    steps.deal_type_label,
    steps.is_chain_link,
    steps.lag_days
