{{ config(enabled=is_given('bitrix24', 'service_lines')) }}

{# The price of a row of products is of one piece and after its discount. #}
{%- set quantity = "coalesce(cast(" ~ filled('source.quantity') ~ " as numeric), 1)" -%}

with

source as (

    select * from {{ source('bitrix24', 'service_lines') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = '{{ source("bitrix24", "service_lines").identifier }}'
        and returned_at is null

),

renamed as (

    select

        ---------- ids
        cast({{ mapped('bitrix24', 'service_lines', 'source_id') }} as text)
            as source_id,
        {{ source_link(mapped('bitrix24', 'service_lines', 'deal_source_id')) }}
            as deal_source_id,

        ---------- strings
        coalesce(service_codes.code, 'other_service') as service,
        side_codes.code as side,
        payer_codes.code as payer,

        ---------- numerics, in the deal's currency; the price is after the discount
        round(
            (
                {{ money(mapped('bitrix24', 'service_lines', 'agreed_amount')) }}
                + coalesce({{ money(mapped('bitrix24', 'service_lines', 'discount')) }}, 0)
            ) * {{ quantity }},
            2
        ) as agreed_amount,
        round(
            coalesce({{ money(mapped('bitrix24', 'service_lines', 'discount')) }}, 0)
            * {{ quantity }},
            2
        ) as discount,
        cast({{ filled(mapped('bitrix24', 'service_lines', 'tax_rate')) }} as numeric)
            as tax_rate,

        ---------- timestamps
        deletions.missing_since as deleted_at

    from source

    left join deletions
        on source.id = deletions.id

    {{ join_codes('bitrix24', 'service_lines', 'service') }}

    {{ join_codes('bitrix24', 'service_lines', 'side') }}

    {{ join_codes('bitrix24', 'service_lines', 'payer') }}

)

select * from renamed
