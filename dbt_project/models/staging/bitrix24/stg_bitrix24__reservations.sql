{{ config(enabled=is_given('bitrix24', 'reservations')) }}

select
    null as source_id,
    null as unit_source_id,
    null as deal_source_id,
    null as kind,
    null as from_at,
    null as until_at,
    null as released_at,
    null as reason,
    null as author_id,
    null as deleted_at

where false
