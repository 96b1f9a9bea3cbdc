{{ config(meta={
    'unit': 'deal_key',
    'by': {'contract': "source_system || ':' || contract_number"},
    'clocked': 'greatest(closing_date, lost_date, created_date, contract_signed_date,'
        ~ ' advance_received_date) > {previous_day}',
}) }}

{# One row per deal of any CRM, in canonical stages, types and dates. #}
with

deals as (

    select * from {{ ref('int_deals__unioned') }}

),

connections as (

    select * from {{ source('mapping', 'connections') }}

),

terminal_moves as (

    select
        deal_key,
        max(entered_at) filter (where stage = 'closed_won') as won_at,
        max(entered_at) filter (where stage = 'lost') as lost_at

    from {{ ref('int_stage_visits__mapped') }}

    where stage in ('closed_won', 'lost')

    group by deal_key

),

renamed as (

    select
        deals.*,
        deals.source_system || ':' || deals.source_id as deal_key,
        {{ employee_key_of('responsible') }} as responsible_key,
        responsible.placement_key as responsible_place_key,
        modifiers.employee_key as modified_by_key,
        coalesce(stages.stage, 'unmapped') as stage,
        deal_types.deal_type,
        {{ channel_columns('deals') }},
        coalesce(pipelines.label, deals.pipeline) as pipeline_label,
        replace(connections.card_url, '{id}', deals.source_id) as card_url,
        {{ is_reporting_currency('deals') }} as is_reporting_currency

    from deals

    inner join connections
        on deals.source_system = connections.connection

    {{ join_said('stages', 'deals', ['pipeline', 'crm_stage']) }}

    {{ join_said('channels', 'deals', ['crm_channel']) }}

    {{ join_said('deal_types', 'deals', ['crm_type']) }}

    {{ join_said('pipelines', 'deals', ['pipeline']) }}

    {{ join_accounts('responsible', 'deals.source_system', 'deals.responsible_id') }}

    {{ join_accounts('modifiers', 'deals.source_system', 'deals.modified_by_id') }}

),

judged as (

    select
        renamed.*,
        case renamed.stage
            when 'closed_won' then 'won'
            when 'lost' then 'lost'
            when 'paused' then 'paused'
            else 'open'
        end as outcome,
        {{ business_date('terminal_moves.won_at') }} as won_stage_date,
        coalesce(renamed.lost_date, {{ business_date('terminal_moves.lost_at') }})
            as last_loss_date

    from renamed

    left join terminal_moves
        on renamed.deal_key = terminal_moves.deal_key

),

dated as (

    select
        deal_key,
        source_system,
        source_id,
        deal_number,
        card_url,
        title,
        responsible_key,
        responsible_place_key,
        modified_by_key,
        pipeline,
        pipeline_label,
        crm_stage,
        stage,
        outcome,
        crm_type,
        deal_type,
        channel,
        channel_label,
        channel_group,
        object_address,
        client_name,
        contact_id,
        company_id,
        lead_source_id,
        modified_by_id,
        parent_deal_id,
        sides,
        legal_entity,
        partner_agency,
        contract_number,
        refusal_reason,
        refusal_comment,
        {{ business_date('created_at') }} as created_date,
        contract_signed_date,
        advance_received_date,
        advance_expiry_date,
        planned_settlement_date,
        case when outcome = 'won' then coalesce(settlement_date, won_stage_date) end
            as closing_date,
        case
            when outcome <> 'won' then null
            when settlement_date is not null then 'settlement'
            when won_stage_date is not null then 'stage_entry'
        end as closing_date_basis,
        case when outcome = 'lost' then last_loss_date end as lost_date,
        is_reporting_currency,
        {%- for amount in [
            'price', 'commission', 'partner_share', 'direct_expenses', 'paid_amount',
            'advance_amount',
        ] %}
        case when is_reporting_currency then {{ amount }} end as {{ amount }},
        {%- endfor %}
        created_at,
        modified_at,
        deleted_at,
        -- A deal entered by mistake counts as little as one made to try the CRM out.
        coalesce(is_test, false) or coalesce(is_void, false) as is_test

    from judged

)

select * from dated
