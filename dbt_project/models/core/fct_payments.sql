{{ config(meta={
    'by': {'deal_key': "coalesce(deal_key, payment_key)"},
    'clocked': 'operation_date > {previous_day}',
}) }}

with

payments as (

    select * from {{ ref('int_payments__unioned') }}
    where deleted_at is null

),

invoices as (

    select
        source_system || ':' || source_id as invoice_key,
        source_system || ':' || deal_source_id as deal_key

    from {{ ref('int_invoices__unioned') }}

),

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

linked as (

    select
        payments.source_system || ':' || payments.source_id as payment_key,
        payments.source_system,
        payments.direction,
        payments.amount,
        payments.operation_date,
        payments.purpose,
        invoices.invoice_key,
        coalesce(
            payments.source_system || ':' || payments.deal_source_id, invoices.deal_key
        ) as named_deal_key

    from payments

    left join invoices
        on
            payments.source_system || ':' || payments.invoice_source_id
            = invoices.invoice_key

),

-- Money without a deal that is known is cash all the same; it stays unallocated.
known as (

    select
        linked.payment_key,
        linked.source_system,
        deals.deal_key,
        case when deals.deal_key is not null then linked.invoice_key end as invoice_key,
        linked.direction,
        linked.amount,
        case when linked.direction = 'refund' then -linked.amount else linked.amount end
            as signed_amount,
        linked.operation_date,
        linked.purpose,
        deals.deal_key is null as is_unallocated

    from linked

    left join deals
        on linked.named_deal_key = deals.deal_key

    where
        deals.deal_key is null
        or (deals.deleted_at is null and not deals.is_test)

)

select * from known
