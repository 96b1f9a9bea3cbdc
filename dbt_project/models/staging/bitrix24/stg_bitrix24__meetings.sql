with

source as (

    select * from {{ source('bitrix24', 'activities') }}
    where
        -- 1 is a meeting, 2 the owner type "deal".
        type_id = '1'
        and owner_type_id = '2'

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = 'activities'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        source.id as source_id,
        source.owner_id as deal_source_id,
        {{ source_link('source.responsible_id') }} as host_id,

        ---------- timestamps
        {{ source_time('source.start_time') }} as started_at,

        ---------- flags
        {{ source_flag('source.completed') }} as is_held

    from source

    left join deletions
        on source.id = deletions.id

    where deletions.id is null

)

select * from renamed
