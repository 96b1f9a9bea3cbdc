{{ config(meta={
    'unit': 'cohort_key',
    'by': {'cohort_key': day_key('event_month')},
    'also_changed': months_of_changed_steps(),
    'clocked': has_ripened_since('event_month'),
}) }}

{# How many steps of one transition begin in a month at one place, with the labels that
   reports tell apart: what a share needs. Counts of deals add up, so nothing finer is
   needed. A step is of an age when it had that many days to come through. #}
select
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
    event_month,
    pair,
    unit_path_key,
    deal_type_label,
    pipeline_label,
    channel_label,
    is_chain_link
