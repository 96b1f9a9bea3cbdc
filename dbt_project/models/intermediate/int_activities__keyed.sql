{{ config(meta={
    'unit': 'activities',
    'by': {'activities': 'activity_key', 'client_key': 'client_key'},
    'also_changed': activities_of_changed_records(),
}) }}

{# One row per activity that counts, duplicates too: not deleted, not of a deleted or test
   deal or a deleted lead; with the client it concerns. #}
with

activities as (

    select * from {{ ref('int_activities__unioned') }}
    where deleted_at is null

),

deals as (

    select
        deals.deal_key,
        deals.deleted_at is null and not deals.is_test as is_counted,
        deals.source_system || ':' || details.lead_source_id as lead_key

    from {{ whole('int_deals__mapped') }} as deals

    inner join {{ whole('int_deals__unioned') }} as details
        on
            deals.source_system = details.source_system
            and deals.source_id = details.source_id

),

leads as (

    select
        lead_key,
        deleted_at is null as is_counted
    from {{ whole('int_leads__mapped') }}

),

contacts as (

    select * from {{ whole('dim_contacts') }}

),

keyed as (

    select
        activities.*,
        activities.source_system || ':' || activities.source_id as activity_key,
        activities.source_system || ':' || activities.deal_source_id as deal_key,
        activities.source_system || ':' || activities.lead_source_id as own_lead_key,
        activities.source_system || ':' || activities.contact_id as contact_key,
        -- A message or a task may link another thing in the same field.
        case
            when activities.activity_type in ('meeting', 'showing')
                then activities.source_system || ':' || activities.unit_source_id
        end as unit_key

    from activities

),

placed as (

    select
        keyed.*,
        coalesce(keyed.own_lead_key, deals.lead_key) as lead_key,
        coalesce(contacts.party_key, of_deal.party_key, of_lead.party_key) as party_key,
        coalesce(
            contacts.party_key, of_deal.party_key, of_lead.party_key,
            keyed.deal_key, keyed.own_lead_key, keyed.contact_key, keyed.activity_key
        ) as client_key

    from keyed

    left join deals
        on keyed.deal_key = deals.deal_key

    left join leads
        on keyed.own_lead_key = leads.lead_key

    left join {{ whole('int_deal_requests__identified') }} as of_deal
        on keyed.deal_key = of_deal.deal_key

    left join {{ whole('int_lead_requests__identified') }} as of_lead
        on keyed.own_lead_key = of_lead.lead_key

    left join contacts
        on keyed.contact_key = contacts.contact_key

    where
        (keyed.deal_key is null or deals.is_counted)
        and (keyed.own_lead_key is null or leads.is_counted)

)

select * from placed
