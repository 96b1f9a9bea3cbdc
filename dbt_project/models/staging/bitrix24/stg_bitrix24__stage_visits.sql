with

source as (

    select * from {{ source('bitrix24', 'stage_history') }}

),

renamed as (

    select

        ---------- ids
        id as source_id,
        owner_id as deal_source_id,

        ---------- strings
        coalesce({{ filled('category_id') }}, '0') as pipeline,
        stage_id as crm_stage,

        ---------- timestamps
        {{ source_time('created_time') }} as entered_at

    from source

)

select * from renamed
