with

source as (

    select * from {{ source('bitrix24', 'users') }}

),

renamed as (

    select

        ---------- ids
        source.id as source_id,
        -- A person of several departments is counted in the first one named.
        to_jsonb(source.uf_department) ->> 0 as org_unit_id,

        ---------- strings
        nullif(btrim(concat_ws(' ', source.last_name, source.name)), '') as full_name,
        {{ filled(mapped('bitrix24', 'employees', 'position', 'work_position')) }}
            as position,

        ---------- dates
        {{ source_date(mapped('bitrix24', 'employees', 'hired_date', 'uf_employment_date')) }}
            as hired_date,
        {{ source_date(mapped('bitrix24', 'employees', 'dismissed_date')) }}
            as dismissed_date,

        ---------- flags
        cast(source.active as text) in ('true', 'Y', '1') as is_active

    from source

)

select * from renamed
