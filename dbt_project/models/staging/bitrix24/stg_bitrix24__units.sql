{{ config(enabled=is_given('bitrix24', 'units')) }}

select
    null as source_id,
    null as title,
    null as lot,
    null as list_price,
    null as status,
    null as area_m2,
    null as deleted_at

where false
