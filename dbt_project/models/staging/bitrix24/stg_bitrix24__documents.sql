{{ config(enabled=is_given('bitrix24', 'documents')) }}

select
    null as source_id,
    null as deal_source_id,
    null as kind,
    null as number,
    null as status,
    null as signed_date,
    null as valid_until_date,
    null as terminated_date,
    null as terminated_reason,
    null as signatories,
    null as deleted_at

where false
