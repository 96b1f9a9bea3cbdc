{{ config(enabled=is_given('bitrix24', 'units')) }}

with

source as (

    select * from {{ source('bitrix24', 'units') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = '{{ source("bitrix24", "units").identifier }}'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        cast({{ mapped('bitrix24', 'units', 'source_id') }} as text) as source_id,

        ---------- strings
        {{ filled(mapped('bitrix24', 'units', 'title')) }} as title,
        {{ filled(mapped('bitrix24', 'units', 'lot')) }} as lot,
        status_codes.code as status,

        ---------- numerics
        {{ item_money('bitrix24', 'units', 'list_price') }}
            as list_price,
        cast({{ filled(mapped('bitrix24', 'units', 'area_m2')) }} as numeric)
            as area_m2,

        ---------- timestamps
        deletions.missing_since as deleted_at

    from source

    left join deletions
        on source.id = deletions.id

    {{ join_codes('bitrix24', 'units', 'status') }}

)

select * from renamed
