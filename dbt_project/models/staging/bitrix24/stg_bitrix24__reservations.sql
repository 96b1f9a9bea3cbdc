{{ config(enabled=is_given('bitrix24', 'reservations')) }}

with

source as (

    select * from {{ source('bitrix24', 'reservations') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = '{{ source("bitrix24", "reservations").identifier }}'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        cast({{ mapped('bitrix24', 'reservations', 'source_id') }} as text)
            as source_id,
        {{ linked_id(mapped('bitrix24', 'reservations', 'unit_source_id')) }}
            as unit_source_id,
        {{ source_link(mapped('bitrix24', 'reservations', 'deal_source_id')) }}
            as deal_source_id,
        {{ source_link(mapped('bitrix24', 'reservations', 'author_id')) }} as author_id,
        {{ source_link(mapped('bitrix24', 'reservations', 'modified_by_id')) }}
            as modified_by_id,

        ---------- strings
        kind_codes.code as kind,
        {{ filled(mapped('bitrix24', 'reservations', 'reason')) }} as reason,

        ---------- numerics, in the firm's currency
        {{ item_money('bitrix24', 'reservations', 'list_price') }} as list_price,

        ---------- timestamps
        {{ source_time(mapped('bitrix24', 'reservations', 'modified_at')) }}
            as modified_at,
        {{ source_time(mapped('bitrix24', 'reservations', 'from_at')) }} as from_at,
        {{ source_time(mapped('bitrix24', 'reservations', 'until_at')) }} as until_at,
        {{ source_time(mapped('bitrix24', 'reservations', 'released_at')) }}
            as released_at,
        deletions.missing_since as deleted_at

    from source

    left join deletions
        on source.id = deletions.id

    {{ join_codes('bitrix24', 'reservations', 'kind') }}

)

select * from renamed
