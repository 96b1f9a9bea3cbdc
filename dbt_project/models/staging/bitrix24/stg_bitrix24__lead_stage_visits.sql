{{ config(enabled=is_given('bitrix24', 'lead_stage_visits')) }}

with

source as (

    select * from {{ source('bitrix24', 'lead_stage_visits') }}

),

codes as (

    select * from {{ ref('stg_bitrix24__codes') }}
    where
        entity = 'leads'
        and field = 'crm_status'

),

renamed as (

    select

        ---------- ids
        source.id as source_id,
        source.owner_id as lead_source_id,

        ---------- strings
        source.status_id as crm_status,
        codes.code as status,

        ---------- timestamps
        {{ source_time('source.created_time') }} as entered_at

    from source

    left join codes
        on source.status_id = codes.source_value

)

select * from renamed
