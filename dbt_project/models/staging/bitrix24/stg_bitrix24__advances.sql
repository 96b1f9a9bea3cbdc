{{ config(enabled=is_given('bitrix24', 'advances')) }}

with

source as (

    select * from {{ source('bitrix24', 'advances') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = '{{ source("bitrix24", "advances").identifier }}'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        cast({{ mapped('bitrix24', 'advances', 'source_id') }} as text) as source_id,
        {{ source_link(mapped('bitrix24', 'advances', 'deal_source_id')) }}
            as deal_source_id,
        {{ linked_id(mapped('bitrix24', 'advances', 'parent_source_id')) }}
            as parent_source_id,
        {{ source_link(mapped('bitrix24', 'advances', 'responsible_id')) }}
            as responsible_id,

        ---------- strings
        holder_codes.code as holder,
        outcome_codes.code as outcome,

        ---------- numerics
        {{ item_money('bitrix24', 'advances', 'amount') }}
            as amount,

        ---------- dates
        {{ source_date(mapped('bitrix24', 'advances', 'received_date')) }}
            as received_date,
        {{ source_date(mapped('bitrix24', 'advances', 'expiry_date')) }} as expiry_date,
        {{ source_date(mapped('bitrix24', 'advances', 'outcome_date')) }}
            as outcome_date,

        ---------- flags
        {{ source_flag(mapped('bitrix24', 'advances', 'offsets_commission')) }}
            as offsets_commission,

        ---------- timestamps
        deletions.missing_since as deleted_at

    from source

    left join deletions
        on source.id = deletions.id

    {{ join_codes('bitrix24', 'advances', 'holder') }}

    {{ join_codes('bitrix24', 'advances', 'outcome') }}

)

select * from renamed
