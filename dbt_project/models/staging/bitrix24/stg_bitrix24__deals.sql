with

source as (

    select * from {{ source('bitrix24', 'deals') }}

),

contacts as (

    select * from {{ source('bitrix24', 'contacts') }}

),

deletions as (

    select * from {{ source('bitrix24', 'deletions') }}
    where
        entity = 'deals'
        and returned_at is null

),

refusal_reasons as (

    select
        options.item ->> 'ID' as option_id,
        options.item ->> 'VALUE' as option_label

    from {{ source('bitrix24', 'deal_userfields') }} as fields
    cross join lateral jsonb_array_elements(
        case when jsonb_typeof(fields.list) = 'array' then fields.list else '[]' end
    ) as options (item)

),

renamed as (

    select

        ---------- ids
        source.id as source_id,
        {{ filled(mapped('bitrix24', 'deals', 'deal_number', 'id')) }} as deal_number,
        {{ source_link(mapped('bitrix24', 'deals', 'responsible_id', 'assigned_by_id')) }}
            as responsible_id,
        {{ source_link(mapped('bitrix24', 'deals', 'modified_by_id', 'modify_by_id')) }}
            as modified_by_id,
        {{ source_link(mapped('bitrix24', 'deals', 'lead_source_id', 'lead_id')) }}
            as lead_source_id,
        {{ source_link(mapped('bitrix24', 'deals', 'contact_id', 'contact_id')) }}
            as contact_id,
        {{ source_link(mapped('bitrix24', 'deals', 'company_id', 'company_id')) }}
            as company_id,
        {{ source_link(mapped('bitrix24', 'deals', 'parent_deal_id')) }} as parent_deal_id,

        ---------- strings
        {{ filled(mapped('bitrix24', 'deals', 'title', 'title')) }} as title,
        coalesce({{ filled(mapped('bitrix24', 'deals', 'pipeline', 'category_id')) }}, '0')
            as pipeline,
        {{ filled(mapped('bitrix24', 'deals', 'crm_stage', 'stage_id')) }} as crm_stage,
        {{ filled(mapped('bitrix24', 'deals', 'deal_type', 'type_id')) }} as crm_type,
        {{ filled(mapped('bitrix24', 'deals', 'channel', 'source_id')) }} as crm_channel,
        {{ filled(mapped('bitrix24', 'deals', 'currency', 'currency_id')) }} as currency,
        {{ filled(mapped('bitrix24', 'deals', 'contract_number')) }} as contract_number,
        coalesce(
            refusal_reasons.option_label,
            {{ filled(mapped('bitrix24', 'deals', 'refusal_reason')) }}
        ) as refusal_reason,
        {{ filled(mapped('bitrix24', 'deals', 'refusal_comment')) }} as refusal_comment,
        {{ filled(mapped('bitrix24', 'deals', 'settlement_change_reason')) }}
            as settlement_change_reason,
        {{ filled(mapped('bitrix24', 'deals', 'object_address')) }} as object_address,
        {{ filled(mapped('bitrix24', 'deals', 'partner_agency')) }} as partner_agency,
        coalesce(
            {{ filled(mapped('bitrix24', 'deals', 'client_name')) }},
            {{ filled("concat_ws(' ', contacts.last_name, contacts.name)") }}
        ) as client_name,
        {{ filled(mapped('bitrix24', 'deals', 'legal_entity')) }} as legal_entity,

        ---------- numerics, in the deal's currency
        -- The portal keeps 0 where nobody entered a sum.
        nullif({{ money(mapped('bitrix24', 'deals', 'price', 'opportunity')) }}, 0) as price,
        {{ money(mapped('bitrix24', 'deals', 'commission')) }} as commission,
        {{ money(mapped('bitrix24', 'deals', 'partner_share')) }} as partner_share,
        {{ money(mapped('bitrix24', 'deals', 'direct_expenses')) }} as direct_expenses,
        {{ money(mapped('bitrix24', 'deals', 'paid_amount')) }} as paid_amount,
        {{ money(mapped('bitrix24', 'deals', 'advance_amount')) }} as advance_amount,

        ---------- counts
        cast(
            {{ filled(mapped('bitrix24', 'deals', 'sides')) }} as numeric(18, 2)
        ) as sides,

        ---------- dates
        {{ source_date(mapped('bitrix24', 'deals', 'contract_signed_date')) }}
            as contract_signed_date,
        {{ source_date(mapped('bitrix24', 'deals', 'advance_received_date')) }}
            as advance_received_date,
        {{ source_date(mapped('bitrix24', 'deals', 'advance_expiry_date')) }}
            as advance_expiry_date,
        {{ source_date(mapped('bitrix24', 'deals', 'planned_settlement_date')) }}
            as planned_settlement_date,
        {{ source_date(mapped('bitrix24', 'deals', 'settlement_date')) }}
            as settlement_date,
        -- The portal has no refusal date of its own; the stage history tells it.
        {{ source_date(mapped('bitrix24', 'deals', 'lost_date')) }} as lost_date,

        ---------- timestamps
        {{ source_time(mapped('bitrix24', 'deals', 'created_at', 'date_create')) }}
            as created_at,
        {{ source_time(mapped('bitrix24', 'deals', 'modified_at', 'date_modify')) }}
            as modified_at,
        deletions.missing_since as deleted_at,

        ---------- flags
        {{ source_flag(mapped('bitrix24', 'deals', 'is_test')) }} as is_test,
        {{ source_flag(mapped('bitrix24', 'deals', 'is_void')) }} as is_void

    from source

    left join contacts
        on source.contact_id = contacts.id

    left join deletions
        on source.id = deletions.id

    left join refusal_reasons
        on {{ mapped('bitrix24', 'deals', 'refusal_reason') }} = refusal_reasons.option_id

)

select * from renamed
