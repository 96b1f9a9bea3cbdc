with

source as (

    select * from {{ source('files', 'employees') }}

),

renamed as (

    select

        ---------- ids
        source_id,
        -- Units of a file have no ids: a group is named within its department.
        coalesce(department || ' / ' || "group", "group", department) as org_unit_id,

        ---------- strings
        full_name,
        position,

        ---------- dates
        hired_date,
        dismissed_date,

        ---------- flags
        coalesce(is_active, true) as is_active

    from source

)

select * from renamed
