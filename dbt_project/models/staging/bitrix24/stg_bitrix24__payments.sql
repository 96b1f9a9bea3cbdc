{{ config(enabled=is_given('bitrix24', 'payments')) }}

with

source as (

    select * from {{ source('bitrix24', 'payments') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = '{{ source("bitrix24", "payments").identifier }}'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        cast({{ mapped('bitrix24', 'payments', 'source_id') }} as text) as source_id,
        {{ source_link(mapped('bitrix24', 'payments', 'deal_source_id')) }}
            as deal_source_id,
        {{ linked_id(mapped('bitrix24', 'payments', 'invoice_source_id')) }}
            as invoice_source_id,

        ---------- strings
        direction_codes.code as direction,
        {{ filled(mapped('bitrix24', 'payments', 'purpose')) }} as purpose,

        ---------- numerics
        {{ item_money('bitrix24', 'payments', 'amount') }}
            as amount,

        ---------- dates
        {{ source_date(mapped('bitrix24', 'payments', 'operation_date')) }}
            as operation_date,

        ---------- timestamps
        deletions.missing_since as deleted_at

    from source

    left join deletions
        on source.id = deletions.id

    {{ join_codes('bitrix24', 'payments', 'direction') }}

)

select * from renamed
