{{ config(enabled=is_given('bitrix24', 'contacts')) }}

with

source as (

    select * from {{ source('bitrix24', 'contacts') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = 'contacts'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        source.id as source_id,
        {{ source_link(mapped('bitrix24', 'contacts', 'company_id', 'company_id')) }}
            as company_id,

        ---------- strings
        coalesce(
            {{ filled(mapped('bitrix24', 'contacts', 'full_name')) }},
            {{ filled("concat_ws(' ', source.last_name, source.name, source.second_name)") }}
        ) as full_name,
        {{ first_contact_detail(mapped('bitrix24', 'contacts', 'phone', 'phone'), 'phone') }}
            as phone,
        {{ first_contact_detail(mapped('bitrix24', 'contacts', 'email', 'email'), 'email') }}
            as email,

        ---------- timestamps
        {{ source_time(mapped('bitrix24', 'contacts', 'created_at', 'date_create')) }}
            as created_at,
        deletions.missing_since as deleted_at

    from source

    left join deletions
        on source.id = deletions.id

)

select * from renamed
