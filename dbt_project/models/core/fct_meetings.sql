with

meetings as (

    select * from {{ ref('int_meetings__unioned') }}

),

held as (

    select
        meetings.source_system || ':' || meetings.source_id as meeting_key,
        meetings.source_system || ':' || meetings.deal_source_id as deal_key,
        {{ employee_key_of('hosts') }} as employee_key,
        meetings.started_at,
        {{ business_date('meetings.started_at') }} as meeting_date

    from meetings

    {{ join_accounts('hosts', 'meetings.source_system', 'meetings.host_id') }}

    where
        meetings.is_held
        and meetings.started_at is not null

),

-- The same deal and host starting again within an hour of a meeting that counts is that
-- meeting recorded twice. Only runs of close starts need the walk.
starts as (

    select
        deal_key,
        employee_key,
        started_at,
        meeting_date,
        min(meeting_key) as meeting_key

    from held

    group by deal_key, employee_key, started_at, meeting_date

),

spaced as (

    select
        *,
        started_at - lag(started_at) over (
            partition by deal_key, employee_key
            order by started_at
        ) <= interval '60 minutes' as is_close

    from starts

),

numbered as (

    select
        *,
        count(*) filter (where is_close is not true) over (
            partition by deal_key, employee_key
            order by started_at
        ) as run_number

    from spaced

),

runs as (

    select
        deal_key,
        employee_key,
        run_number,
        array_agg(started_at order by started_at) as run_starts

    from numbered

    group by deal_key, employee_key, run_number

    having count(*) > 1

),

walked as (

    select
        runs.deal_key,
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

    select
        numbered.meeting_key,
        numbered.deal_key,
        numbered.employee_key,
        numbered.started_at,
        numbered.meeting_date

    from numbered

    left join runs
        on
            numbered.deal_key = runs.deal_key
            and numbered.employee_key is not distinct from runs.employee_key
            and numbered.run_number = runs.run_number

    left join walked
        on
            numbered.deal_key = walked.deal_key
            and numbered.employee_key is not distinct from walked.employee_key
            and numbered.started_at = walked.started_at

    where
        runs.deal_key is null
        or walked.deal_key is not null

)

select * from counted
