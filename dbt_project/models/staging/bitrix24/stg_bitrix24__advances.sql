{{ config(enabled=is_given('bitrix24', 'advances')) }}

select
    null as source_id,
    null as deal_source_id,
    null as amount,
    null as received_date,
    null as expiry_date,
    null as holder,
    null as offsets_commission,
    null as outcome,
    null as outcome_date,
    null as parent_source_id,
    null as responsible_id,
    null as deleted_at

where false
