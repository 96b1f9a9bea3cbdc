{{ config(enabled=is_given('bitrix24', 'lead_stage_visits')) }}

select
    null as source_id,
    null as lead_source_id,
    null as crm_status,
    null as entered_at

where false
