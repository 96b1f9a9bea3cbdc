{{ config(enabled=is_given('bitrix24', 'deal_expenses')) }}

select
    null as source_id,
    null as deal_source_id,
    null as article,
    null as amount,
    null as incurred_date,
    null as paid_date,
    null as payer,
    null as document,
    null as deleted_at

where false
