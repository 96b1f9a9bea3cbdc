with

payments as (

    select * from {{ ref('fct_payments') }}
    where amount is not null

),

invoices as (

    select * from {{ ref('fct_invoices') }}

),

-- Balance of an invoice after and before each of its payments, in order of operation.
balanced as (

    select
        payments.payment_key,
        payments.deal_key,
        payments.invoice_key,
        payments.operation_date,
        payments.signed_amount,
        invoices.amount_due,
        sum(payments.signed_amount) over (
            partition by payments.invoice_key
            order by payments.operation_date, payments.payment_key
            rows between unbounded preceding and current row
        ) as balance_after

    from payments

    inner join invoices
        on payments.invoice_key = invoices.invoice_key

),

-- An invoice takes no more than is due; what is above waits as a prepayment.
shared as (

    select
        *,
        least(balance_after, amount_due)
        - least(balance_after - signed_amount, amount_due) as invoice_part

    from balanced

),

to_invoices as (

    select
        payment_key,
        'invoice' as target_type,
        invoice_key as target_key,
        deal_key,
        operation_date,
        invoice_part as amount

    from shared

    where invoice_part <> 0

),

prepaid as (

    select
        payment_key,
        'prepayment' as target_type,
        invoice_key as target_key,
        deal_key,
        operation_date,
        signed_amount - invoice_part as amount

    from shared

    where signed_amount - invoice_part <> 0

),

to_deals as (

    select
        payments.payment_key,
        'deal' as target_type,
        payments.deal_key as target_key,
        payments.deal_key,
        payments.operation_date,
        payments.signed_amount as amount

    from payments

    left join invoices
        on payments.invoice_key = invoices.invoice_key

    where
        payments.deal_key is not null
        and invoices.invoice_key is null

),

unallocated as (

    select
        payment_key,
        'unallocated' as target_type,
        cast(null as text) as target_key,
        deal_key,
        operation_date,
        signed_amount as amount

    from payments

    where is_unallocated

),

together as (

    select * from to_invoices

    union all

    select * from prepaid

    union all

    select * from to_deals

    union all

    select * from unallocated

),

keyed as (

    select
        payment_key || '+' || target_type as allocation_key,
        *

    from together

)

select * from keyed
