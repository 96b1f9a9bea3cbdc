{{ config(meta={
    'unit': 'step_cell',
    'by': {
        'step_cell': unit_of_cell('step_cell'),
        'cohort_pair_key': cohort_pair_key(day_key('event_month'), 'pair'),
    },
    'also_changed': cells_of_changed_steps() ~ ' union ' ~ cells_of_ripened_steps(),
}) }}

{# How many steps of one transition stand in a cell, a month's at one place, with the labels
   that reports tell apart: what a share needs. Steps that begin and steps that arrive have
   cells, so rows, of their own. Counts of deals add up, so nothing finer is needed. A step is of an age when it had that many days to come through. #}
select
    step_cell,
    event_month,
    pair,
    unit_path_key,
    deal_type_label,
    pipeline_label,
    channel_label,
    is_chain_link,
    cast(sum(entered) as integer) as entered,
    cast(sum(reached) as integer) as reached,
    cast(sum(decided) as integer) as decided,
    cast(sum(arrived) as integer) as arrived,
    {%- for code, days in horizons().items() if days is not none %}
    cast(count(*) filter (where side = 'entered' and age_days >= {{ days }}) as integer)
        as entered_{{ code }},
    cast(
        count(*) filter (where age_days >= {{ days }} and lag_days <= {{ days }}) as integer
    ) as reached_{{ code }},
    {%- endfor %}
    min(lag_days) as shortest_lag_days

from {{ ref('int_conversion_steps__unioned') }}

group by
    step_cell,
    event_month,
    pair,
    unit_path_key,
    deal_type_label,
    pipeline_label,
    channel_label,
    is_chain_link
