{{ config(meta={
    'unit': 'deal_key',
    'also_changed': merged_deals(),
    'clocked': "field = 'planned_settlement_date' and change_date >= {previous_day}",
}) }}

{# One row per change of a watched field, but the stage and the pipeline, whose changes are
   the moves between visits. A change is known between the last load that saw the old value
   and the moment the card was last modified: no source tells each change. Quick corrections
   of one author are one change only where these bounds prove that they lie within ten
   minutes. #}
with

seen as (

    select * from {{ ref('int_deal_values__tracked') }}

),

deals as (

    select * from {{ ref('int_deals__counted') }}

),

survivors as (

    select * from {{ ref('int_deals__survived') }}

),

accounts as (

    select * from {{ ref('dim_employee_accounts') }}

),

reasons_given as (

    select connection

    from {{ source('mapping', 'given_fields') }}

    where
        entity = 'deals'
        and field = 'settlement_change_reason'

),

calendar as (

    select * from {{ ref('dim_calendar') }}

),

-- An emptied field keeps its last value: filling it again is no change by itself.
compared as (

    select
        seen.*,
        lag(seen.seen_value) over (
            partition by seen.deal_key, seen.field
            order by seen.version_no
        ) as previous_value

    from seen

),

changes as (

    select
        compared.deal_key,
        survivors.survivor_key,
        compared.source_system,
        compared.field,
        compared.version_no,
        compared.previous_value,
        compared.seen_value,
        compared.expected_revenue,
        {{ employee_key_of('accounts') }} as author_key,
        compared.changed_after as changed_at_lower,
        case
            when compared.modified_at > compared.changed_after then compared.modified_at
            else compared.recorded_from
        end as changed_at_upper

    from compared

    -- A deal that lives on for another one inherits its history.
    inner join survivors
        on compared.deal_key = survivors.deal_key

    inner join deals
        on survivors.survivor_key = deals.deal_key

    left join accounts
        on compared.modified_by_account_key = accounts.account_key

    where compared.seen_value <> compared.previous_value

),

followed as (

    select
        *,
        coalesce(
            author_key <> 'unassigned'
            and author_key = lag(author_key) over (
                partition by deal_key, field
                order by version_no
            )
            and changed_at_upper <= lag(changed_at_lower) over (
                partition by deal_key, field
                order by version_no
            ) + interval '10 minutes',
            false
        ) as is_correction

    from changes

),

numbered as (

    select
        *,
        count(*) filter (where not is_correction) over (
            partition by deal_key, field
            order by version_no
        ) as change_no

    from followed

),

netted as (

    select
        deal_key,
        survivor_key,
        source_system,
        field,
        change_no,
        max(version_no) as version_no,
        (array_agg(previous_value order by version_no))[1] as old_value,
        (array_agg(seen_value order by version_no desc))[1] as new_value,
        (array_agg(expected_revenue order by version_no desc))[1] as expected_revenue,
        max(author_key) as author_key,
        min(changed_at_lower) as changed_at_lower,
        max(changed_at_upper) as changed_at_upper

    from numbered

    group by deal_key, survivor_key, source_system, field, change_no

),

-- A reason that the card shows within a day of the change. It speaks of the last change:
-- with the next one it is written anew or emptied.
explained as (

    select distinct
        netted.deal_key,
        netted.field,
        netted.version_no

    from netted

    inner join seen
        on
            netted.deal_key = seen.deal_key
            and netted.field = seen.field
            and netted.version_no <= seen.version_no
            and netted.changed_at_upper + interval '24 hours'
            >= least(seen.modified_at, seen.recorded_from)

    where seen.settlement_change_reason is not null

),

dated as (

    select
        *,
        {{ business_date('changed_at_lower') }} as first_possible_date,
        {{ business_date('changed_at_upper') }} as change_date,
        case
            when field = 'planned_settlement_date' then cast(old_value as date)
        end as old_date,
        case
            when field = 'planned_settlement_date' then cast(new_value as date)
        end as new_date

    from netted

    where old_value <> new_value

),

judged as (

    select
        dated.deal_key || '|' || dated.field || '|' || dated.version_no as change_key,
        dated.survivor_key as deal_key,
        dated.deal_key <> dated.survivor_key as is_inherited,
        dated.field,
        dated.old_value,
        dated.new_value,
        dated.changed_at_lower,
        dated.changed_at_upper,
        dated.change_date,
        dated.author_key,
        'snapshot_diff' as source_of_fact,
        'between_snapshots' as precision,
        dated.old_date,
        dated.new_date,
        dated.new_date - dated.old_date as shift_days,
        date_trunc('month', dated.old_date) <> date_trunc('month', dated.new_date)
            as is_across_month,
        case
            when date_trunc('month', dated.old_date) <> date_trunc('month', dated.new_date)
                then dated.expected_revenue
        end as moved_revenue,
        -- In the last working day before the old date, or after it; unknown where the
        -- bounds of the change disagree.
        case
            when
                old_days.working_days_until - first_days.working_days_until <= 1
                then true
            when
                old_days.working_days_until - change_days.working_days_until > 1
                then false
        end as is_late,
        -- Known when the day that people have for it is over, where a system has a reason.
        case
            when
                dated.field = 'planned_settlement_date'
                and dated.change_date < {{ today() }}
                and reasons_given.connection is not null
                then explained.deal_key is null
        end as is_reason_missing

    from dated

    left join explained
        on
            dated.deal_key = explained.deal_key
            and dated.field = explained.field
            and dated.version_no = explained.version_no

    left join reasons_given
        on dated.source_system = reasons_given.connection

    left join calendar as old_days
        on dated.old_date = old_days.calendar_date

    left join calendar as first_days
        on dated.first_possible_date = first_days.calendar_date

    left join calendar as change_days
        on dated.change_date = change_days.calendar_date

)

select * from judged
