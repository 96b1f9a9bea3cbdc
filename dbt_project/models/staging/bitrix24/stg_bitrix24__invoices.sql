{{ config(enabled=is_given('bitrix24', 'invoices')) }}

with

source as (

    select * from {{ source('bitrix24', 'invoices') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = '{{ source("bitrix24", "invoices").identifier }}'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        cast({{ mapped('bitrix24', 'invoices', 'source_id') }} as text) as source_id,
        {{ source_link(mapped('bitrix24', 'invoices', 'deal_source_id')) }}
            as deal_source_id,

        ---------- strings
        {{ filled(mapped('bitrix24', 'invoices', 'invoice_number')) }}
            as invoice_number,
        status_codes.code as status,

        ---------- numerics
        {{ item_money('bitrix24', 'invoices', 'amount') }}
            as amount,

        ---------- dates
        {{ source_date(mapped('bitrix24', 'invoices', 'issue_date')) }} as issue_date,
        {{ source_date(mapped('bitrix24', 'invoices', 'due_date')) }} as due_date,

        ---------- flags
        coalesce(status_codes.code = 'cancelled', false) as is_cancelled,

        ---------- timestamps
        deletions.missing_since as deleted_at

    from source

    left join deletions
        on source.id = deletions.id

    {{ join_codes('bitrix24', 'invoices', 'status') }}

)

select * from renamed
