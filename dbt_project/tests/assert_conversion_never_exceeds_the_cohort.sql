-- A deal comes through after it came in, and once.
select
    pair,
    sum(entered) as entered,
    sum(reached) as reached,
    sum(arrived) as arrived

from {{ ref('int_conversion_steps__summed') }}

group by pair

having
    sum(reached) > sum(entered)
    or sum(reached) <> sum(arrived)
    or sum(decided) < sum(reached)
    or min(shortest_lag_days) < 0
