{{ config(enabled=is_given('bitrix24', 'partner_shares')) }}

with

source as (

    select * from {{ source('bitrix24', 'partner_shares') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = '{{ source("bitrix24", "partner_shares").identifier }}'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        cast({{ mapped('bitrix24', 'partner_shares', 'source_id') }} as text)
            as source_id,
        {{ source_link(mapped('bitrix24', 'partner_shares', 'deal_source_id')) }}
            as deal_source_id,
        {{ linked_id(mapped('bitrix24', 'partner_shares', 'company_id')) }}
            as company_id,

        ---------- strings
        {{ filled(mapped('bitrix24', 'partner_shares', 'partner_name')) }}
            as partner_name,
        base_codes.code as base,

        ---------- numerics
        {{ item_money('bitrix24', 'partner_shares', 'amount') }}
            as amount,
        cast({{ filled(mapped('bitrix24', 'partner_shares', 'percent')) }} as numeric)
            as percent,

        ---------- dates
        {{ source_date(mapped('bitrix24', 'partner_shares', 'due_date')) }} as due_date,
        {{ source_date(mapped('bitrix24', 'partner_shares', 'paid_date')) }}
            as paid_date,

        ---------- timestamps
        deletions.missing_since as deleted_at

    from source

    left join deletions
        on source.id = deletions.id

    {{ join_codes('bitrix24', 'partner_shares', 'base') }}

)

select * from renamed
