-- What is allocated, kept as a prepayment and left unallocated is the payment, to the
-- kopeck.
with

allocations as (

    select
        payment_key,
        sum(amount) as amount

    from {{ ref('fct_payment_allocations') }}

    group by payment_key

)

select
    payments.payment_key,
    payments.signed_amount,
    allocations.amount as allocated_amount

from {{ ref('fct_payments') }} as payments

full join allocations
    on payments.payment_key = allocations.payment_key

where
    coalesce(payments.signed_amount, 0) <> 0
    and payments.signed_amount is distinct from allocations.amount
