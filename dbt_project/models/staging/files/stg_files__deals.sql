with

source as (

    select * from {{ source('files', 'deals') }}

),

renamed as (

    select

        ---------- ids
        source_id,
        coalesce(deal_number, source_id) as deal_number,
        responsible_id,
        modified_by_id,
        lead_source_id,
        contact_id,
        company_id,
        parent_deal_id,

        ---------- strings
        title,
        coalesce(pipeline, '0') as pipeline,
        crm_stage,
        deal_type as crm_type,
        channel as crm_channel,
        currency,
        contract_number,
        refusal_reason,
        refusal_comment,
        settlement_change_reason,
        object_address,
        partner_agency,
        client_name,
        legal_entity,

        ---------- numerics, in the deal's currency
        price,
        commission,
        partner_share,
        direct_expenses,
        paid_amount,
        advance_amount,

        ---------- counts
        sides,

        ---------- dates
        contract_signed_date,
        advance_received_date,
        advance_expiry_date,
        planned_settlement_date,
        settlement_date,
        lost_date,

        ---------- timestamps
        cast(created_at as timestamptz) as created_at,
        cast(modified_at as timestamptz) as modified_at,
        cast(null as timestamptz) as deleted_at,

        ---------- flags
        coalesce(is_test, false) as is_test,
        coalesce(is_void, false) as is_void

    from source

)

select * from renamed
