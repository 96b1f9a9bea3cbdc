{{ config(meta={
    'unit': 'lead_key',
    'by': {'party_key': 'party_key'},
    'also_changed': leads_of_changed_clients(),
}) }}

{# One row per lead that counts: who asked, when, and by which phones and e-mails: its own,
   else those of its contact or company. Sensitive, never published. #}
with

leads as (

    select
        mapped.lead_key,
        mapped.source_system,
        mapped.outcome,
        mapped.created_at,
        mapped.created_date,
        mapped.finished_at,
        mapped.contact_key,
        mapped.company_key,
        {{ identities_of('details') }} as identities

    from {{ ref('int_leads__mapped') }} as mapped

    inner join {{ ref('int_leads__unioned') }} as details
        on
            mapped.source_system = details.source_system
            and mapped.source_id = details.source_id

    where
        mapped.deleted_at is null
        and mapped.state <> 'spam'

),

placed as (

    select
        leads.lead_key,
        leads.source_system,
        leads.outcome,
        leads.created_at,
        leads.created_date,
        leads.finished_at,
        case
            when leads.identities <> '{}' then leads.identities
            else coalesce({{ identities_of_clients() }}, '{}')
        end as identities,
        {{ party_key_of_clients() }} as party_key

    from leads

    {{ join_clients('leads') }}

)

select * from placed
