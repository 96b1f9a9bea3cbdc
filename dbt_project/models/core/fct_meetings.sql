{{ config(meta={
    'unit': 'subject_key',
    'by': {'deal_key': 'coalesce(deal_key, meeting_key)'},
    'clocked': 'meeting_date > {previous_day}',
}) }}

with

meetings as (

    select * from {{ ref('fct_activities') }}
    where activity_type = 'meeting'

),

held as (

    select
        activity_key as meeting_key,
        deal_key,
        lead_key,
        party_key,
        unit_key,
        {{ subject_key() }} as subject_key,
        employee_key,
        planned_date,
        started_at,
        started_date as meeting_date

    from meetings

    where
        status = 'held'
        and started_at is not null

),

-- The same subject and host starting again within an hour of a meeting that counts is
-- that meeting recorded twice. Only runs of close starts need the walk.
starts as (

    select
        subject_key,
        employee_key,
        started_at,
        min(meeting_key) as meeting_key

    from held

    group by subject_key, employee_key, started_at

),

spaced as (

    select
        *,
        started_at - lag(started_at) over (
            partition by subject_key, employee_key
            order by started_at
        ) <= interval '60 minutes' as is_close

    from starts

),

numbered as (

    select
        *,
        count(*) filter (where is_close is not true) over (
            partition by subject_key, employee_key
            order by started_at
        ) as run_number

    from spaced

),

runs as (

    select
        subject_key,
        employee_key,
        run_number,
        array_agg(started_at order by started_at) as run_starts

    from numbered

    group by subject_key, employee_key, run_number

    having count(*) > 1

),

walked as (

    select
        runs.subject_key,
        runs.employee_key,
        runs.run_number,
        counted.started_at

    from runs

    cross join lateral (
        with recursive

        kept as (

            select runs.run_starts[1] as started_at

            union all

            select (
                select min(later.started_at)
                from unnest(runs.run_starts) as later (started_at)
                where later.started_at > kept.started_at + interval '60 minutes'
            ) as started_at

            from kept

            where kept.started_at is not null

        )

        select kept.started_at
        from kept
        where kept.started_at is not null
    ) as counted

),

counted as (

    select numbered.meeting_key

    from numbered

    left join runs
        on
            numbered.subject_key = runs.subject_key
            and numbered.employee_key = runs.employee_key
            and numbered.run_number = runs.run_number

    left join walked
        on
            numbered.subject_key = walked.subject_key
            and numbered.employee_key = walked.employee_key
            and numbered.started_at = walked.started_at

    where
        runs.subject_key is null
        or walked.subject_key is not null

),

described as (

    select
        held.meeting_key,
        held.subject_key,
        held.deal_key,
        held.lead_key,
        held.party_key,
        held.unit_key,
        held.employee_key,
        held.planned_date,
        held.started_at,
        held.meeting_date,
        row_number() over (
            partition by held.subject_key, held.party_key
            order by held.started_at, held.meeting_key
        ) = 1 as is_first

    from held

    inner join counted
        on held.meeting_key = counted.meeting_key

)

select * from described
