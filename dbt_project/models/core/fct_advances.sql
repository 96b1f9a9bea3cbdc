{{ config(meta={'unit': 'deal_key'}) }}

with

advances as (

    select * from {{ ref('int_advances__unioned') }}
    where deleted_at is null

),

deals as (

    select * from {{ ref('int_deals__counted') }}

),

recorded as (

    select
        advances.source_system || ':' || advances.source_id as advance_key,
        deals.deal_key,
        advances.source_system || ':' || advances.parent_source_id as parent_key,
        advances.amount,
        advances.received_date,
        advances.expiry_date,
        advances.holder,
        coalesce(advances.offsets_commission, false) as offsets_commission,
        advances.outcome,
        advances.outcome_date,
        advances.source_system || ':' || advances.responsible_id as responsible_key,
        false as is_synthetic

    from advances

    inner join deals
        on advances.source_system || ':' || advances.deal_source_id = deals.deal_key

),

-- What the card tells stands in where no advance is recorded; holder and outcome stay
-- unknown.
synthetic as (

    select
        deals.deal_key || ':card' as advance_key,
        deals.deal_key,
        cast(null as text) as parent_key,
        deals.advance_amount as amount,
        deals.advance_received_date as received_date,
        deals.advance_expiry_date as expiry_date,
        cast(null as text) as holder,
        false as offsets_commission,
        cast(null as text) as outcome,
        cast(null as date) as outcome_date,
        cast(null as text) as responsible_key,
        true as is_synthetic

    from deals

    left join recorded
        on deals.deal_key = recorded.deal_key

    where
        recorded.deal_key is null
        and (
            deals.advance_received_date is not null
            or deals.advance_amount is not null
        )

),

together as (

    select * from recorded

    union all

    select * from synthetic

),

-- A moved advance is no new money: its parent was received.
judged as (

    select
        *,
        parent_key is not null as is_moved,
        outcome is null and holder = 'agency' as is_held,
        case when parent_key is null then amount end as received_amount,
        case when outcome = 'refunded' then amount end as refunded_amount,
        case when outcome = 'forfeited_agency' then amount end as forfeited_amount,
        case when outcome = 'applied' and offsets_commission then amount end
            as offset_amount,
        case when outcome is null and holder = 'agency' then amount end as held_amount

    from together

)

select * from judged
