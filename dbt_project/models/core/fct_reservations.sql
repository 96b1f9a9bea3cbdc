{{ config(meta={'by': {
    'deal_key': 'coalesce(deal_key, reservation_key)',
    'client_key': 'client_key',
}}) }}

{# Days without a client's activity after which a free reservation stands idle. #}
{%- set silent_days = 5 -%}

with

reservations as (

    select * from {{ ref('int_reservations__unioned') }}
    where deleted_at is null

),

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

units as (

    select * from {{ ref('dim_units') }}

),

requests as (

    select * from {{ ref('int_deal_requests__identified') }}

),

touches as (

    select * from {{ ref('int_deals__touched') }}

),

-- Half-open intervals: what ends at a moment is no more at that moment.
keyed as (

    select
        reservations.source_system || ':' || reservations.source_id as reservation_key,
        reservations.source_system || ':' || reservations.unit_source_id as unit_key,
        reservations.source_system || ':' || reservations.deal_source_id as deal_key,
        reservations.kind,
        reservations.from_at,
        reservations.until_at,
        reservations.released_at,
        reservations.reason,
        reservations.source_system || ':' || reservations.author_id as author_key,
        reservations.list_price,
        units.list_price as unit_price,
        coalesce(requests.party_key, deals.deal_key) as client_key,
        greatest(touches.last_touch_at, reservations.from_at)
        + interval '{{ silent_days }} days' as silent_at,
        touches.last_touch_at is not null as has_touches,
        {{ day_end() }} as pass_time,
        reservations.released_at is null as is_active,
        coalesce(
            reservations.released_at,
            greatest({{ day_end() }}, reservations.from_at)
        ) as occupied_until,
        case
            when deals.deal_key is null then 'deal_absent'
            when deals.deleted_at is not null then 'deal_deleted'
            when deals.outcome = 'lost' then 'deal_lost'
        end as deal_reason,
        case
            when deals.deal_key is null then reservations.from_at
            when deals.deleted_at is not null then deals.deleted_at
            when deals.outcome = 'lost'
                then cast(deals.lost_date as timestamp) at time zone '{{ var("timezone") }}'
        end as deal_reason_at

    from reservations

    left join deals
        on
            reservations.source_system || ':' || reservations.deal_source_id
            = deals.deal_key

    left join requests
        on deals.deal_key = requests.deal_key

    left join touches
        on deals.deal_key = touches.deal_key

    left join units
        on
            reservations.source_system || ':' || reservations.unit_source_id
            = units.unit_key

    where coalesce(not deals.is_test, true)

),

timed as (

    select
        *,
        cast(extract(epoch from occupied_until - from_at) as bigint) as reserve_seconds,
        is_active and coalesce(until_at < pass_time, false) as is_overdue,
        is_active and deal_reason is not null as is_without_deal,
        (
            is_active
            and kind = 'free'
            and deal_reason is null
            and has_touches
            and silent_at <= pass_time
        ) as is_silent

    from keyed

),

judged as (

    select
        *,
        is_overdue or is_without_deal or is_silent as is_idle,
        case
            when is_without_deal then deal_reason
            when is_overdue then 'past_term'
            when is_silent then 'no_activity'
        end as idle_reason,
        -- The earliest of the reasons; never before the reservation itself.
        case
            when is_overdue or is_without_deal or is_silent
                then greatest(
                    from_at,
                    least(
                        case when is_overdue then until_at end,
                        case when is_without_deal then deal_reason_at end,
                        case when is_silent then silent_at end
                    )
                )
        end as idle_since

    from timed

),

measured as (

    select
        reservation_key,
        unit_key,
        deal_key,
        client_key,
        kind,
        from_at,
        until_at,
        released_at,
        reason,
        author_key,
        list_price,
        {{ business_date('from_at') }} as reserved_date,
        {{ business_date('released_at') }} as released_date,
        is_active,
        occupied_until,
        reserve_seconds,
        round(reserve_seconds / 86400.0, 4) as reserve_days,
        is_overdue,
        is_idle,
        idle_reason,
        idle_since,
        round(
            cast(extract(epoch from pass_time - idle_since) as numeric) / 86400, 4
        ) as idle_days,
        case when is_idle then unit_price end as idle_value

    from judged

)

select * from measured
