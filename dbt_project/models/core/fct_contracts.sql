{{ config(meta={
    'unit': 'deal_key',
    'clocked': has_come_since('signed_date') ~ ' or ' ~ has_come_since('terminated_date')
        ~ ' or ' ~ has_ended_since('valid_until_date'),
}) }}

with

deals as (

    select * from {{ ref('int_deals__counted') }}

),

recorded as (

    select
        document_key as contract_key,
        deal_key,
        kind,
        number,
        signed_date,
        valid_until_date,
        terminated_date,
        terminated_reason,
        signatories,
        is_exclusive,
        false as is_synthetic

    from {{ ref('fct_documents') }}

    where
        kind in ('agency', 'service')
        and status = 'signed'
        and signed_date is not null

),

-- The date of the card stands in where no signed contract is recorded.
synthetic as (

    select
        deals.deal_key || ':card' as contract_key,
        deals.deal_key,
        'agency' as kind,
        deals.contract_number as number,
        deals.contract_signed_date as signed_date,
        cast(null as date) as valid_until_date,
        cast(null as date) as terminated_date,
        cast(null as text) as terminated_reason,
        cast(null as text []) as signatories,
        cast(null as boolean) as is_exclusive,
        true as is_synthetic

    from deals

    left join recorded
        on deals.deal_key = recorded.deal_key

    where
        recorded.deal_key is null
        and deals.contract_signed_date is not null

),

together as (

    select * from recorded

    union all

    select * from synthetic

),

judged as (

    select
        together.*,
        case
            when together.signed_date > {{ today() }} then 'future'
            when together.terminated_date <= {{ today() }} then 'terminated'
            when deals.outcome in ('won', 'lost') then 'completed'
            when together.valid_until_date < {{ today() }} then 'expired'
            else 'active'
        end as contract_state,
        -- Ended before the deal was done.
        coalesce(
            together.terminated_date <= coalesce(deals.closing_date, 'infinity'), false
        ) as is_terminated

    from together

    inner join deals
        on together.deal_key = deals.deal_key

)

select * from judged
