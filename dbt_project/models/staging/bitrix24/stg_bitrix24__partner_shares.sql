{{ config(enabled=is_given('bitrix24', 'partner_shares')) }}

select
    null as source_id,
    null as deal_source_id,
    null as company_id,
    null as partner_name,
    null as amount,
    null as percent,
    null as base,
    null as due_date,
    null as paid_date,
    null as deleted_at

where false
