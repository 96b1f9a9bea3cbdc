{# One row per lock of a period: from the decision that locks to the one that unlocks. What
   the author could see is what the period keeps. #}
with

decisions as (

    select * from {{ source('decisions', 'period_locks') }}

),

batches as (

    select * from {{ source('decisions', 'batches') }}

),

publications as (

    select * from {{ source('published', 'publications') }}

),

-- A unit that is gone stays locked.
org_units as (

    select distinct on (split_part(org_unit_key, ':', 2))
        split_part(org_unit_key, ':', 2) as source_id,
        org_unit_key
    from {{ ref('int_org_units__versioned') }}
    order by split_part(org_unit_key, ':', 2) asc, org_unit_key asc

),

decided as (

    select
        decisions.batch_id,
        decisions.line,
        decisions.action,
        cast(date_trunc('month', decisions.period) as date) as period_month,
        org_units.org_unit_key,
        coalesce(org_units.org_unit_key, 'company') as scope_key,
        decisions.reason,
        batches.author,
        batches.decided_at,
        coalesce(publications.data_as_of, batches.decided_at) as known_at

    from decisions

    inner join batches
        on decisions.batch_id = batches.batch_id

    left join publications
        on batches.seen_publication_id = publications.publication_id

    left join org_units
        on decisions.org_unit_id = org_units.source_id

    -- The lock of a unit that nobody knows is not a lock of the company.
    where
        decisions.org_unit_id is null
        or org_units.org_unit_key is not null

),

compared as (

    select
        *,
        lag(action) over (
            partition by scope_key, period_month
            order by batch_id, line
        ) as previous_action

    from decided

),

-- Locking what is locked moves nothing.
turns as (

    select
        *,
        lead(decided_at) over (
            partition by scope_key, period_month
            order by batch_id, line
        ) as unlocked_at,
        lead(author) over (
            partition by scope_key, period_month
            order by batch_id, line
        ) as unlocked_by

    from compared

    where action <> coalesce(previous_action, 'unlock')

)

select
    scope_key || '|' || period_month || '|' || batch_id || '|' || line
        as period_lock_key,
    scope_key,
    org_unit_key,
    period_month,
    decided_at as locked_at,
    author as locked_by,
    reason,
    known_at,
    unlocked_at,
    unlocked_by,
    unlocked_at is null as is_active

from turns

where action = 'lock'
