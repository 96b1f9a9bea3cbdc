{{ config(enabled=is_given('bitrix24', 'deal_expenses')) }}

with

source as (

    select * from {{ source('bitrix24', 'deal_expenses') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = '{{ source("bitrix24", "deal_expenses").identifier }}'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        cast({{ mapped('bitrix24', 'deal_expenses', 'source_id') }} as text)
            as source_id,
        {{ source_link(mapped('bitrix24', 'deal_expenses', 'deal_source_id')) }}
            as deal_source_id,

        ---------- strings
        coalesce(article_codes.label, {{ filled(mapped('bitrix24', 'deal_expenses', 'article')) }})
            as article,
        payer_codes.code as payer,
        {{ filled(mapped('bitrix24', 'deal_expenses', 'document')) }} as document,

        ---------- numerics
        {{ item_money('bitrix24', 'deal_expenses', 'amount') }}
            as amount,

        ---------- dates
        {{ source_date(mapped('bitrix24', 'deal_expenses', 'incurred_date')) }}
            as incurred_date,
        {{ source_date(mapped('bitrix24', 'deal_expenses', 'paid_date')) }}
            as paid_date,

        ---------- timestamps
        deletions.missing_since as deleted_at

    from source

    left join deletions
        on source.id = deletions.id

    {{ join_codes('bitrix24', 'deal_expenses', 'article') }}

    {{ join_codes('bitrix24', 'deal_expenses', 'payer') }}

)

select * from renamed
