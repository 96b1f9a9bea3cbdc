{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# One row per deal as its CRM gives it, with what the history keeps. People are logins
   and values are the CRM's own: a changed mapping must not look like a changed deal.
   holders: role|weight|login, sorted. #}
with

deals as (

    select * from {{ ref('int_deals__unioned') }}

),

participants as (

    select * from {{ ref('int_deal_participants__unioned') }}

),

holders as (

    select
        source_system,
        deal_source_id,
        array_agg(
            role || '|' || coalesce(cast(credit_weight as text), '') || '|'
            || source_system || ':' || employee_id
            order by role collate "C", employee_id collate "C", credit_weight
        ) as holders

    from participants

    group by source_system, deal_source_id

),

tracked as (

    select
        deals.source_system || ':' || deals.source_id as deal_key,
        deals.source_system,
        deals.pipeline,
        deals.crm_stage,
        deals.crm_type,
        deals.crm_channel,
        deals.refusal_reason,
        deals.settlement_change_reason,
        deals.contract_number,
        deals.source_system || ':' || deals.responsible_id as responsible_account_key,
        coalesce(holders.holders, '{}') as holders,
        deals.currency,
        deals.price,
        deals.commission,
        deals.partner_share,
        deals.direct_expenses,
        deals.paid_amount,
        deals.advance_amount,
        deals.contract_signed_date,
        deals.advance_received_date,
        deals.advance_expiry_date,
        deals.planned_settlement_date,
        deals.settlement_date,
        deals.lost_date,
        deals.is_test,
        deals.source_system || ':' || deals.modified_by_id as modified_by_account_key,
        deals.modified_at,
        deals.deleted_at

    from deals

    left join holders
        on
            deals.source_system = holders.source_system
            and deals.source_id = holders.deal_source_id

)

select * from tracked
