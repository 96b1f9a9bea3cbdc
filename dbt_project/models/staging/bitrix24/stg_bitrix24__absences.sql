{{ config(enabled=is_given('bitrix24', 'absences')) }}

select
    null as source_id,
    null as employee_id,
    null as kind,
    null as from_date,
    null as until_date,
    null as deleted_at

where false
