{{ config(enabled=is_given('bitrix24', 'absences')) }}

with

source as (

    select * from {{ source('bitrix24', 'absences') }}

),

kinds as (

    select * from {{ ref('stg_bitrix24__codes') }}
    where
        entity = 'absences'
        and field = 'kind'

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = '{{ var("bitrix24").get("tables", {}).get("absences", "absences") }}'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        source.id as source_id,
        {{ source_link(mapped('bitrix24', 'absences', 'employee_id', 'assigned_by_id')) }}
            as employee_id,

        ---------- strings
        kinds.code as kind,

        ---------- dates
        {{ source_date(mapped('bitrix24', 'absences', 'from_date', 'begindate')) }}
            as from_date,
        {{ source_date(mapped('bitrix24', 'absences', 'until_date', 'closedate')) }}
            as until_date,

        ---------- timestamps
        deletions.missing_since as deleted_at

    from source

    left join kinds
        on {{ mapped('bitrix24', 'absences', 'kind') }} = kinds.source_value

    left join deletions
        on source.id = deletions.id

)

select * from renamed
