{{ config(enabled=is_given('bitrix24', 'payments')) }}

select
    null as source_id,
    null as deal_source_id,
    null as invoice_source_id,
    null as direction,
    null as amount,
    null as operation_date,
    null as purpose,
    null as deleted_at

where false
