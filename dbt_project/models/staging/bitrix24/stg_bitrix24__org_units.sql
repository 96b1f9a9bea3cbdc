with

source as (

    select * from {{ source('bitrix24', 'departments') }}

),

renamed as (

    select

        ---------- ids
        id as source_id,
        {{ source_link('parent') }} as parent_id,
        {{ source_link('uf_head') }} as head_id,

        ---------- strings
        name

    from source

)

select * from renamed
