{{ config(enabled=is_given('bitrix24', 'invoices')) }}

select
    null as source_id,
    null as deal_source_id,
    null as invoice_number,
    null as amount,
    null as issue_date,
    null as due_date,
    null as status,
    null as is_cancelled,
    null as deleted_at

where false
