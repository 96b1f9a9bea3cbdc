{{ config(meta={
    'unit': 'deal_key',
    'clocked': 'commission_receivable > 0 and ageing_code is distinct from '
        ~ ageing('({today} - payment_due_date)'),
}) }}

{# One row per deal: the waterfall of its money, its advances and its payments. #}
with

deals as (

    select
        *,
        outcome = 'won' and coalesce(closing_date <= {{ today() }}, false)
            as is_recognised

    from {{ ref('int_deals__mapped') }}

),

lines as (

    select
        deal_key,
        sum(agreed_amount) as commission_listed,
        sum(current_amount) as commission_current,
        sum(agreed_with_vat) as commission_gross_with_vat,
        sum(current_with_vat) as commission_due,
        not bool_or(is_synthetic) as has_service_lines,
        case
            when bool_or(side = 'seller') and bool_or(side = 'buyer') then 2
            else 1
        end as deal_sides

    from {{ ref('fct_service_lines') }}

    group by deal_key

),

partner_shares as (

    select
        deal_key,
        sum(amount) as partner_share,
        sum(amount) filter (where not is_synthetic) as partner_share_recorded

    from {{ ref('fct_partner_shares') }}

    group by deal_key

),

expenses as (

    select
        deal_key,
        sum(amount) filter (where payer = 'agency') as direct_expenses,
        sum(amount) filter (where payer = 'agency' and not is_synthetic)
            as direct_expenses_recorded,
        sum(amount) filter (where payer = 'client') as expenses_pass_through,
        sum(amount) filter (where payer = 'client' and paid_date is null)
            as expenses_to_reimburse

    from {{ ref('fct_deal_expenses') }}

    group by deal_key

),

advances as (

    select
        deal_key,
        min(received_date) as first_advance_date,
        max(expiry_date) filter (where outcome is null) as advance_expiry_date,
        sum(received_amount) as advances_amount,
        sum(received_amount) filter (where not is_synthetic) as advances_recorded,
        sum(refunded_amount) as advances_refunded_amount,
        sum(forfeited_amount) as forfeited_advance_income,
        sum(held_amount) as advances_held,
        sum(offset_amount) as advance_offset,
        sum(amount) filter (
            where
                offsets_commission
                and (
                    outcome = 'applied' or (outcome is null and holder = 'agency')
                )
        ) as advances_for_commission

    from {{ ref('fct_advances') }}

    group by deal_key

),

contracts as (

    select
        deal_key,
        min(signed_date) as first_contract_date,
        min(signed_date) filter (where not is_synthetic) as contract_date_recorded

    from {{ ref('fct_contracts') }}

    group by deal_key

),

-- The commission of the card before its first change after the contract was signed.
changes as (

    select distinct on (changes.deal_key)
        changes.deal_key,
        cast(changes.old_value as numeric(18, 2)) as commission_before

    from {{ ref('int_deal_fields__changed') }} as changes

    inner join contracts
        on
            changes.deal_key = contracts.deal_key
            and changes.change_date > contracts.first_contract_date

    where
        changes.field = 'commission'
        and not changes.is_inherited

    order by changes.deal_key asc, changes.change_date asc, changes.changed_at_upper asc

),

invoices as (

    select
        deal_key,
        sum(amount_due) filter (where not is_cancelled) as invoiced,
        min(due_date) filter (where payment_remainder > 0) as invoice_due_date

    from {{ ref('fct_invoices') }}

    group by deal_key

),

payments as (

    select
        deal_key,
        sum(amount) filter (where direction = 'in') as received,
        sum(amount) filter (where direction = 'refund') as refunded,
        max(operation_date) filter (where direction = 'refund') as last_refund_date

    from {{ ref('fct_payments') }}

    where
        deal_key is not null
        and operation_date <= {{ today() }}

    group by deal_key

),

-- How long after the act a developer pays.
developer_terms as (

    select * from {{ ref('dim_settings') }}
    where setting = 'developer_payment_days'

),

joined as (

    select
        deals.deal_key,
        deals.source_system,
        deals.deal_type,
        deals.outcome,
        deals.closing_date,
        deals.is_recognised,
        coalesce(lines.has_service_lines, false) as has_service_lines,
        coalesce(deals.sides, lines.deal_sides, 1) as deal_sides,
        lines.commission_listed,
        changes.commission_before,
        lines.commission_current,
        lines.commission_gross_with_vat,
        lines.commission_due,
        lines.commission_listed - lines.commission_current as discounts,
        partner_shares.partner_share,
        partner_shares.partner_share_recorded,
        expenses.direct_expenses,
        expenses.direct_expenses_recorded,
        coalesce(expenses.expenses_pass_through, 0) as expenses_pass_through,
        coalesce(expenses.expenses_to_reimburse, 0) as expenses_to_reimburse,
        contracts.first_contract_date,
        contracts.contract_date_recorded,
        advances.first_advance_date,
        advances.advance_expiry_date,
        advances.advances_amount,
        advances.advances_recorded,
        coalesce(advances.advances_refunded_amount, 0) as advances_refunded_amount,
        coalesce(advances.forfeited_advance_income, 0) as forfeited_advance_income,
        coalesce(advances.advances_held, 0) as advances_held,
        coalesce(advances.advance_offset, 0) as advance_offset,
        coalesce(advances.advances_for_commission, 0) as advances_for_commission,
        coalesce(invoices.invoiced, 0) as invoiced,
        invoices.invoice_due_date,
        coalesce(payments.received, 0) as received,
        coalesce(payments.refunded, 0) as refunded,
        payments.last_refund_date,
        coalesce(payments.received, 0) + coalesce(advances.advance_offset, 0)
        - coalesce(payments.refunded, 0) as amount_paid,
        case when lines.has_service_lines then lines.commission_current end
            as commission_recorded

    from deals

    left join lines
        on deals.deal_key = lines.deal_key

    left join partner_shares
        on deals.deal_key = partner_shares.deal_key

    left join expenses
        on deals.deal_key = expenses.deal_key

    left join advances
        on deals.deal_key = advances.deal_key

    left join contracts
        on deals.deal_key = contracts.deal_key

    left join changes
        on deals.deal_key = changes.deal_key

    left join invoices
        on deals.deal_key = invoices.deal_key

    left join payments
        on deals.deal_key = payments.deal_key

),

-- What was paid back beyond what had been paid too much is a refund of the commission;
-- payments bear the tax, the waterfall does not.
refunded as (

    select
        *,
        greatest(
            refunded
            - greatest(received + advance_offset - coalesce(commission_due, 0), 0),
            0
        ) as refunds_with_vat

    from joined

),

refunds_netted as (

    select
        *,
        case
            when commission_current is null then 0
            when commission_current = commission_due then refunds_with_vat
            else round(refunds_with_vat * commission_current / nullif(commission_due, 0), 2)
        end as commission_refunds

    from refunded

),

valued as (

    select
        *,
        case when outcome = 'won' then commission_listed end as commission_gross,
        -- The card shows a commission with its tax; an explicit discount is told by
        -- the lines, a commission that was overwritten only by its history.
        case
            when discounts <> 0 or commission_before is null then commission_listed
            when commission_current = commission_due then commission_before
            else round(
                commission_before * commission_current / nullif(commission_due, 0), 2
            )
        end as commission_agreed,
        case
            when outcome = 'won'
                then commission_current - coalesce(partner_share, 0) - commission_refunds
        end as revenue_net,
        -- What was paid back before the deal is recognised is not expected any more.
        case
            when outcome = 'open'
                then commission_current - coalesce(partner_share, 0) - commission_refunds
        end as expected_revenue,
        case
            when outcome = 'lost'
                then commission_current - coalesce(partner_share, 0)
        end as lost_commission,
        case when outcome = 'won' then greatest(last_refund_date, closing_date) end
            as commission_refund_date,
        greatest(coalesce(commission_due, 0) - amount_paid, 0) as payment_remainder,
        greatest(amount_paid - coalesce(commission_due, 0), 0) as overpayment,
        case
            when commission_due is not null or received > 0
                then {{ payment_status(
                    'coalesce(commission_due, 0)', 'amount_paid',
                    '(received + advance_offset)'
                ) }}
        end as payment_status,
        case when invoiced > 0 then invoiced - commission_due end
            as invoice_vs_contract_gap

    from refunds_netted

),

owed as (

    select
        valued.*,
        coalesce(
            invoice_due_date,
            case
                when valued.deal_type = 'new_build'
                    then closing_date + coalesce(cast(developer_terms.value as integer), 0)
                else closing_date
            end
        ) as payment_due_date,
        -- What was given back of a commission is not owed again.
        case
            when is_recognised then greatest(payment_remainder - refunds_with_vat, 0)
            else 0
        end as commission_receivable,
        case
            when is_recognised then 0
            else greatest(received + advances_for_commission - refunded, 0)
        end as commission_prepaid

    from valued

    left join developer_terms
        on
            valued.source_system = developer_terms.source_system
            and valued.closing_date >= developer_terms.valid_from
            and valued.closing_date < developer_terms.valid_to

),

aged as (

    select
        deal_key,
        has_service_lines,
        deal_sides,

        ---------- waterfall
        commission_agreed,
        commission_current,
        commission_gross,
        commission_gross_with_vat,
        commission_current - commission_agreed as commission_drift,
        discounts,
        partner_share,
        commission_refunds,
        commission_refund_date,
        revenue_net,
        direct_expenses,
        expenses_pass_through,
        expenses_to_reimburse,
        -- Expenses of a deal whose commission is unknown are spent all the same.
        case
            when outcome = 'won' and coalesce(revenue_net, direct_expenses) is not null
                then coalesce(revenue_net, 0) - coalesce(direct_expenses, 0)
        end as contribution,
        expected_revenue,
        coalesce(revenue_net, expected_revenue) as revenue_with_expected,
        lost_commission,

        ---------- contract and advances
        first_contract_date,
        first_advance_date,
        advance_expiry_date as held_advance_expiry_date,
        advances_amount,
        advances_refunded_amount,
        advances_held,
        forfeited_advance_income,

        ---------- payments
        commission_due as amount_due,
        invoiced,
        received,
        refunded,
        advance_offset,
        amount_paid,
        payment_remainder,
        overpayment,
        payment_status,
        commission_receivable,
        case when commission_receivable > 0 then payment_due_date end
            as payment_due_date,
        case
            when commission_receivable > 0
                then {{ ageing('(' ~ today() ~ ' - payment_due_date)') }}
        end as ageing_code,
        commission_prepaid,
        invoice_vs_contract_gap,

        ---------- what the records say where the card has a field of its own
        commission_recorded,
        partner_share_recorded,
        direct_expenses_recorded,
        advances_recorded,
        contract_date_recorded,
        nullif(received + advance_offset, 0) as paid_recorded

    from owed

)

select * from aged
