{{ config(meta={'unit': 'client_key', 'by': {'activities': 'activity_key'}}) }}

{# One row per call that is another record of a call that counts. Telephony and people
   record the same call: starts of one client and direction within a minute of each other
   are one call, and the longest record of it survives. #}
with

calls as (

    select
        activity_key,
        client_key,
        direction,
        started_at,
        duration_s,
        started_at - lag(started_at) over (
            partition by client_key, direction
            order by started_at
        ) <= interval '60 seconds' as is_close

    from {{ ref('int_activities__keyed') }}

    where
        activity_type = 'call'
        and started_at is not null

),

runs as (

    select
        *,
        count(*) filter (where is_close is not true) over (
            partition by client_key, direction
            order by started_at
        ) as run_number

    from calls

),

numbered as (

    select
        activity_key,
        client_key,
        row_number() over (
            partition by client_key, direction, run_number
            order by
                duration_s desc nulls last,
                length(activity_key) asc,
                activity_key asc
        ) as record_number

    from runs

)

select
    activity_key,
    client_key

from numbered

where record_number > 1
