{{ config(enabled=is_given('bitrix24', 'lead_stage_visits')) }}

with

source as (

    select * from {{ source('bitrix24', 'lead_stage_visits') }}

),

renamed as (

    select

        ---------- ids
        id as source_id,
        owner_id as lead_source_id,

        ---------- strings
        status_id as crm_status,

        ---------- timestamps
        {{ source_time('created_time') }} as entered_at

    from source

)

select * from renamed
