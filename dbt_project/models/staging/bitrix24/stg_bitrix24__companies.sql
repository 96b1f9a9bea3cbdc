{{ config(enabled=is_given('bitrix24', 'companies')) }}

with

source as (

    select * from {{ source('bitrix24', 'companies') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = 'companies'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        source.id as source_id,

        ---------- strings
        {{ filled(mapped('bitrix24', 'companies', 'title', 'title')) }} as title,
        -- Requisites live in a table of their own; a firm may map a field instead.
        {{ filled(mapped('bitrix24', 'companies', 'tax_number')) }} as tax_number,
        {{ first_contact_detail(mapped('bitrix24', 'companies', 'phone', 'phone'), 'phone') }}
            as phone,

        ---------- timestamps
        deletions.missing_since as deleted_at,

        ---------- flags
        {{ source_flag(mapped('bitrix24', 'companies', 'is_own', 'is_my_company')) }}
            as is_own

    from source

    left join deletions
        on source.id = deletions.id

)

select * from renamed
