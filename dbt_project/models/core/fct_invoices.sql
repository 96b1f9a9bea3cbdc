{{ config(meta={
    'unit': 'deal_key',
    'clocked': 'payment_remainder > 0 and ageing_code is distinct from '
        ~ ageing('({today} - due_date)'),
}) }}

with

invoices as (

    select * from {{ ref('int_invoices__unioned') }}
    where deleted_at is null

),

deals as (

    select * from {{ ref('int_deals__counted') }}

),

flows as (

    select
        invoice_key,
        coalesce(sum(amount) filter (where direction = 'in'), 0) as received,
        coalesce(sum(amount) filter (where direction = 'refund'), 0) as refunded

    from {{ ref('fct_payments') }}

    where
        invoice_key is not null
        and operation_date <= {{ today() }}

    group by invoice_key

),

billed as (

    select
        invoices.source_system || ':' || invoices.source_id as invoice_key,
        deals.deal_key,
        invoices.invoice_number,
        invoices.issue_date,
        invoices.due_date,
        invoices.amount,
        coalesce(invoices.is_cancelled, false) as is_cancelled,
        case when coalesce(invoices.is_cancelled, false) then 0 else invoices.amount end
            as amount_due

    from invoices

    inner join deals
        on invoices.source_system || ':' || invoices.deal_source_id = deals.deal_key

),

paid as (

    select
        billed.*,
        coalesce(flows.received, 0) as received,
        coalesce(flows.refunded, 0) as refunded,
        coalesce(flows.received, 0) - coalesce(flows.refunded, 0) as amount_paid

    from billed

    left join flows
        on billed.invoice_key = flows.invoice_key

),

judged as (

    select
        *,
        greatest(amount_due - amount_paid, 0) as payment_remainder,
        greatest(amount_paid - amount_due, 0) as overpayment,
        case
            when is_cancelled and received = 0 then 'cancelled'
            else {{ payment_status('amount_due', 'amount_paid', 'received') }}
        end as payment_status,
        {{ today() }} - due_date as days_overdue

    from paid

),

aged as (

    select
        invoice_key,
        deal_key,
        invoice_number,
        issue_date,
        due_date,
        is_cancelled,
        amount,
        amount_due,
        received,
        refunded,
        amount_paid,
        payment_remainder,
        overpayment,
        payment_status,
        case when days_overdue > 0 then payment_remainder else 0 end as payment_overdue,
        case when payment_remainder > 0 then {{ ageing('days_overdue') }} end
            as ageing_code

    from judged

)

select * from aged
