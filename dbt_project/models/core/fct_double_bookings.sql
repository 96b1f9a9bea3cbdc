{{ config(meta={'by': {'deal_key': "second_deal_key"}}) }}

with

deals as (

    select * from {{ ref('int_deals__counted') }}

),

-- A reservation holds the unit until it is released, else until its term.
reservations as (

    select
        reservations.reservation_key,
        reservations.unit_key,
        reservations.deal_key,
        reservations.kind,
        reservations.author_key,
        reservations.from_at,
        coalesce(
            reservations.released_at,
            reservations.until_at,
            reservations.occupied_until
        ) as held_until,
        deals.source_system || ':' || deals.contact_id as contact_key,
        deals.source_system || ':' || coalesce(deals.parent_deal_id, deals.source_id)
            as chain_key

    from {{ ref('fct_reservations') }} as reservations

    inner join deals
        on reservations.deal_key = deals.deal_key

),

-- The pair is told once, the earlier reservation first.
overlapping as (

    select
        first_one.unit_key,
        first_one.reservation_key as first_reservation_key,
        second_one.reservation_key as second_reservation_key,
        first_one.deal_key as first_deal_key,
        second_one.deal_key as second_deal_key,
        first_one.author_key as first_author_key,
        second_one.author_key as second_author_key,
        first_one.kind as first_kind,
        second_one.kind as second_kind,
        second_one.from_at as overlap_from,
        least(first_one.held_until, second_one.held_until) as overlap_until

    from reservations as first_one

    inner join reservations as second_one
        on
            first_one.unit_key = second_one.unit_key
            and first_one.deal_key <> second_one.deal_key
            and (
                first_one.from_at < second_one.from_at
                or (
                    first_one.from_at = second_one.from_at
                    and first_one.reservation_key < second_one.reservation_key
                )
            )
            and first_one.held_until > second_one.from_at
            and second_one.from_at < second_one.held_until

    -- One client, or links of one chain, do not compete with each other.
    where
        coalesce(first_one.contact_key <> second_one.contact_key, true)
        and first_one.chain_key <> second_one.chain_key

),

measured as (

    select
        first_reservation_key || '+' || second_reservation_key as double_booking_key,
        *,
        {{ business_date('overlap_from') }} as overlap_date,
        cast(floor(extract(epoch from overlap_until - overlap_from) / 60) as bigint)
            as overlap_minutes

    from overlapping

)

select * from measured
