{{ config(enabled=is_given('bitrix24', 'activities')) }}

select
    null as source_id,
    null as activity_type,
    null as direction,
    null as deal_source_id,
    null as lead_source_id,
    null as contact_id,
    null as responsible_id,
    null as author_id,
    null as planned_start_at,
    null as started_at,
    null as ended_at,
    null as duration_s,
    null as is_completed,
    null as result,
    null as is_auto,
    null as unit_source_id,
    null as deadline_at,
    null as deleted_at

where false
