{{ config(enabled=is_given('bitrix24', 'leads')) }}

select
    null as source_id,
    null as title,
    null as crm_status,
    null as crm_channel,
    null as responsible_id,
    null as contact_id,
    null as company_id,
    null as phone,
    null as email,
    null as estimate_amount,
    null as currency,
    null as pause_reason,
    null as paused_until,
    null as created_at,
    null as modified_at,
    null as deleted_at

where false
