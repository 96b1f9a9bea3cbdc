{{ config(enabled=is_given('bitrix24', 'leads')) }}

with

source as (

    select * from {{ source('bitrix24', 'leads') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = 'leads'
        and returned_at is null

),

codes as (

    select * from {{ ref('stg_bitrix24__codes') }}
    where entity = 'leads'

),

renamed as (

    select

        ---------- ids
        source.id as source_id,
        {{ source_link(mapped('bitrix24', 'leads', 'responsible_id', 'assigned_by_id')) }}
            as responsible_id,
        {{ source_link(mapped('bitrix24', 'leads', 'contact_id', 'contact_id')) }}
            as contact_id,
        {{ source_link(mapped('bitrix24', 'leads', 'company_id', 'company_id')) }}
            as company_id,

        ---------- strings
        {{ filled(mapped('bitrix24', 'leads', 'title', 'title')) }} as title,
        {{ filled(mapped('bitrix24', 'leads', 'crm_status', 'status_id')) }} as crm_status,
        {{ filled(mapped('bitrix24', 'leads', 'crm_channel', 'source_id')) }}
            as crm_channel,
        {{ first_contact_detail(mapped('bitrix24', 'leads', 'phone', 'phone'), 'phone') }}
            as phone,
        {{ first_contact_detail(mapped('bitrix24', 'leads', 'email', 'email'), 'email') }}
            as email,
        {{ filled(mapped('bitrix24', 'leads', 'currency', 'currency_id')) }} as currency,
        coalesce(
            reasons.label,
            {{ filled(mapped('bitrix24', 'leads', 'pause_reason')) }}
        ) as pause_reason,

        ---------- numerics, in the lead's currency
        -- The portal keeps 0 where nobody entered a sum.
        nullif(
            {{ money(mapped('bitrix24', 'leads', 'estimate_amount', 'opportunity')) }}, 0
        ) as estimate_amount,

        ---------- dates
        {{ source_date(mapped('bitrix24', 'leads', 'paused_until')) }} as paused_until,

        ---------- timestamps
        {{ source_time(mapped('bitrix24', 'leads', 'created_at', 'date_create')) }}
            as created_at,
        {{ source_time(mapped('bitrix24', 'leads', 'modified_at', 'date_modify')) }}
            as modified_at,
        deletions.missing_since as deleted_at

    from source

    left join deletions
        on source.id = deletions.id

    left join codes as reasons
        on
            reasons.field = 'pause_reason'
            and {{ mapped('bitrix24', 'leads', 'pause_reason') }} = reasons.source_value

)

select * from renamed
