{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# One row per deal: how long it has stood where it stands and how long it has
   owed, as of the pass. #}
select
    staged.*,
    {{ days_since('staged.stay_clock_date', today()) }} as days_in_stage,
    visits.time_in_stage,
    cast(
        round(100 * visits.time_in_stage / nullif(visits.limit_value, 0)) as integer
    ) as stage_limit_pct,
    case
        when valued.payment_due_date is not null
            then greatest(
                {{ days_since('valued.payment_due_date', today()) }}, 0
            )
    end as days_overdue

from {{ ref('int_deals__staged') }} as staged

left join {{ ref('int_stage_visits__timed') }} as visits
    on
        staged.deal_key = visits.deal_key
        and staged.stage_visit_no = visits.visit_no

left join {{ ref('int_deals__valued') }} as valued
    on staged.deal_key = valued.deal_key
