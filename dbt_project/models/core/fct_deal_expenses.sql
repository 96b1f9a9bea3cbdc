{{ config(meta={'unit': 'deal_key'}) }}

with

expenses as (

    select * from {{ ref('int_deal_expenses__unioned') }}
    where deleted_at is null

),

deals as (

    select * from {{ ref('int_deals__counted') }}

),

recorded as (

    select
        expenses.source_system || ':' || expenses.source_id as expense_key,
        deals.deal_key,
        expenses.article,
        expenses.amount,
        expenses.incurred_date,
        expenses.paid_date,
        expenses.payer,
        expenses.document,
        false as is_synthetic

    from expenses

    inner join deals
        on expenses.source_system || ':' || expenses.deal_source_id = deals.deal_key

),

recorded_by_agency as (

    select distinct deal_key
    from recorded
    where payer = 'agency'

),

-- The card tells what the agency spent; it stands in where no such expense is recorded.
synthetic as (

    select
        deals.deal_key || ':card' as expense_key,
        deals.deal_key,
        cast(null as text) as article,
        deals.direct_expenses as amount,
        cast(null as date) as incurred_date,
        cast(null as date) as paid_date,
        'agency' as payer,
        cast(null as text) as document,
        true as is_synthetic

    from deals

    left join recorded_by_agency
        on deals.deal_key = recorded_by_agency.deal_key

    where
        recorded_by_agency.deal_key is null
        and deals.direct_expenses is not null

),

together as (

    select * from recorded

    union all

    select * from synthetic

),

-- Carried as work in progress until the deal is recognised.
dated as (

    select
        together.*,
        case
            when deals.closing_date is not null
                then greatest(together.incurred_date, deals.closing_date)
        end as recognition_date

    from together

    inner join deals
        on together.deal_key = deals.deal_key

)

select * from dated
