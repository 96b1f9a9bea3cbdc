{{ config(enabled=is_given('bitrix24', 'companies')) }}

select
    null as source_id,
    null as title,
    null as tax_number,
    null as phone,
    null as is_own,
    null as deleted_at

where false
