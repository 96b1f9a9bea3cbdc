{{ config(enabled=is_given('bitrix24', 'service_lines')) }}

select
    null as source_id,
    null as deal_source_id,
    null as service,
    null as side,
    null as agreed_amount,
    null as discount,
    null as tax_rate,
    null as payer,
    null as deleted_at

where false
