{{ config(materialized='view', meta={
    'unit': 'deal_key', 'by': {'step_cell': unit_of_cell('step_cell')}
}) }}

with

-- Read three times, each time by its own index.
milestones as not materialized (

    select * from {{ ref('int_milestones__credited') }}

),

pairs as (

    select * from {{ ref('conversion_pairs') }}
    -- What begins with a request is told by requests.
    where pair <> 'unique_lead__closed_won'

),

-- The fate of a deal is known when it came through, won or was lost.
entries as (

    select
        pairs.pair,
        pairs.from_stage,
        pairs.to_stage,
        'entered' as side,
        starts.deal_key,
        starts.entered_date as event_date,
        ends.entered_date as reached_date,
        1 as entered,
        case when ends.deal_key is null then 0 else 1 end as reached,
        case when ends.deal_key is null and starts.is_undecided then 0 else 1 end as decided,
        0 as arrived,
        ends.entered_date - starts.entered_date as lag_days,
        starts.employee_key,
        starts.unit_path_key,
        starts.deal_type,
        starts.deal_type_label,
        starts.pipeline_label,
        starts.channel_label,
        starts.step_cell

    from pairs

    inner join milestones as starts
        on pairs.from_stage = starts.stage

    left join milestones as ends
        on
            starts.deal_key = ends.deal_key
            and pairs.to_stage = ends.stage

),

-- The same deal on the day it came to the second stage: what the ratio of a period counts.
arrivals as (

    select
        pairs.pair,
        pairs.from_stage,
        pairs.to_stage,
        'arrived' as side,
        ends.deal_key,
        ends.entered_date as event_date,
        cast(null as date) as reached_date,
        0 as entered,
        0 as reached,
        0 as decided,
        1 as arrived,
        cast(null as integer) as lag_days,
        ends.employee_key,
        ends.unit_path_key,
        ends.deal_type,
        ends.deal_type_label,
        ends.pipeline_label,
        ends.channel_label,
        ends.step_cell

    from pairs

    inner join milestones as ends
        on pairs.to_stage = ends.stage

),

steps as (

    select * from entries

    union all

    select * from arrivals

)

select
    steps.pair || '/' || steps.side || '/' || steps.deal_key as step_key,
    steps.deal_key,
    steps.pair,
    steps.from_stage,
    steps.to_stage,
    steps.side,
    steps.event_date,
    cast(date_trunc('month', steps.event_date) as date) as event_month,
    steps.reached_date,
    steps.entered,
    steps.reached,
    steps.decided,
    steps.arrived,
    steps.lag_days,
    steps.employee_key,
    steps.unit_path_key,
    {{ placed_columns() }},
    steps.deal_type,
    steps.deal_type_label,
    steps.pipeline_label,
    steps.channel_label,
    steps.step_cell

from steps

{{ join_places('steps') }}
