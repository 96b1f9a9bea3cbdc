{# One row per request of a client, a lead or a deal that counts: who asked, when, and
   by which phones and e-mails. Sensitive, never published.

   A lead is known by its own phone and e-mail, one that has neither by those of its
   contact or company; a deal by those of its contact or company and of its lead. #}
with

leads as (

    select
        leads.lead_key,
        leads.source_system,
        leads.state,
        leads.outcome,
        leads.created_at,
        leads.created_date,
        leads.finished_at,
        leads.deleted_at,
        leads.contact_key,
        leads.company_key,
        array_remove(
            array['phone:' || details.phone, 'email:' || details.email], null
        ) as identities

    from {{ ref('int_leads__mapped') }} as leads

    inner join {{ ref('int_leads__unioned') }} as details
        on
            leads.source_system = details.source_system
            and leads.source_id = details.source_id

),

deals as (

    select
        deals.deal_key,
        deals.source_system,
        deals.outcome,
        deals.created_at,
        deals.created_date,
        cast(coalesce(deals.closing_date, deals.lost_date) as timestamp)
        at time zone '{{ var("timezone") }}' as finished_at,
        details.source_system || ':' || details.contact_id as contact_key,
        details.source_system || ':' || details.company_id as company_key,
        details.source_system || ':' || details.lead_source_id as lead_key

    from {{ ref('int_deals__mapped') }} as deals

    inner join {{ ref('int_deals__unioned') }} as details
        on
            deals.source_system = details.source_system
            and deals.source_id = details.source_id

    where
        deals.deleted_at is null
        and not deals.is_test

),

contacts as (

    select
        'contact:' || source_system || ':' || source_id as client_key,
        source_system || ':' || source_id as contact_key,
        array_remove(array['phone:' || phone, 'email:' || email], null) as identities

    from {{ ref('int_contacts__unioned') }}

),

companies as (

    select
        'company:' || source_system || ':' || source_id as client_key,
        source_system || ':' || source_id as company_key,
        array_remove(array['phone:' || phone], null) as identities

    from {{ ref('int_companies__unioned') }}

),

asked as (

    select
        'lead' as request_kind,
        leads.lead_key as request_key,
        leads.source_system,
        leads.outcome,
        leads.created_at,
        leads.created_date,
        leads.finished_at,
        leads.contact_key,
        leads.company_key,
        leads.lead_key,
        case
            when leads.identities <> '{}' then leads.identities
            else coalesce(contacts.identities, companies.identities, '{}')
        end as identities

    from leads

    left join contacts
        on leads.contact_key = contacts.contact_key

    left join companies
        on leads.company_key = companies.company_key

    where
        leads.deleted_at is null
        and leads.state <> 'spam'

    union all

    select
        'deal' as request_kind,
        deals.deal_key as request_key,
        deals.source_system,
        deals.outcome,
        deals.created_at,
        deals.created_date,
        deals.finished_at,
        deals.contact_key,
        deals.company_key,
        deals.lead_key,
        coalesce(contacts.identities, companies.identities, '{}')
        || coalesce(leads.identities, '{}') as identities

    from deals

    left join contacts
        on deals.contact_key = contacts.contact_key

    left join companies
        on deals.company_key = companies.company_key

    left join leads
        on deals.lead_key = leads.lead_key

),

parties as (

    select * from {{ ref('int_clients__grouped') }}

),

placed as (

    select
        asked.request_kind,
        asked.request_key,
        asked.source_system,
        asked.outcome,
        asked.created_at,
        asked.created_date,
        asked.finished_at,
        asked.identities,
        coalesce(by_contact.party_key, by_company.party_key, by_lead.party_key)
            as party_key

    from asked

    left join parties as by_contact
        on 'contact:' || asked.contact_key = by_contact.client_key

    left join parties as by_company
        on 'company:' || asked.company_key = by_company.client_key

    left join parties as by_lead
        on 'lead:' || asked.lead_key = by_lead.client_key

)

select * from placed
