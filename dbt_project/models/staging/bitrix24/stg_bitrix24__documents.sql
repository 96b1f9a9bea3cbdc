{{ config(enabled=is_given('bitrix24', 'documents')) }}

with

source as (

    select * from {{ source('bitrix24', 'documents') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = '{{ source("bitrix24", "documents").identifier }}'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        cast({{ mapped('bitrix24', 'documents', 'source_id') }} as text) as source_id,
        {{ source_link(mapped('bitrix24', 'documents', 'deal_source_id')) }}
            as deal_source_id,

        ---------- strings
        kind_codes.code as kind,
        {{ filled(mapped('bitrix24', 'documents', 'number')) }} as number,
        status_codes.code as status,
        {{ filled(mapped('bitrix24', 'documents', 'terminated_reason')) }}
            as terminated_reason,
        {{ text_array(mapped('bitrix24', 'documents', 'signatories')) }} as signatories,

        ---------- flags
        {{ source_flag(mapped('bitrix24', 'documents', 'is_exclusive')) }}
            as is_exclusive,

        ---------- dates
        {{ source_date(mapped('bitrix24', 'documents', 'signed_date')) }}
            as signed_date,
        {{ source_date(mapped('bitrix24', 'documents', 'valid_until_date')) }}
            as valid_until_date,
        {{ source_date(mapped('bitrix24', 'documents', 'terminated_date')) }}
            as terminated_date,

        ---------- timestamps
        deletions.missing_since as deleted_at

    from source

    left join deletions
        on source.id = deletions.id

    {{ join_codes('bitrix24', 'documents', 'kind') }}

    {{ join_codes('bitrix24', 'documents', 'status') }}

)

select * from renamed
