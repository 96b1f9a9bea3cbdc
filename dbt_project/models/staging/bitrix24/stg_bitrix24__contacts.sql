{{ config(enabled=is_given('bitrix24', 'contacts')) }}

select
    null as source_id,
    null as full_name,
    null as phone,
    null as email,
    null as company_id,
    null as created_at,
    null as deleted_at

where false
