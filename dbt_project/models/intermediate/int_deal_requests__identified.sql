{{ config(meta={
    'unit': 'deal_key',
    'by': {'party_key': 'party_key'},
    'also_changed': deals_of_changed_clients(),
}) }}

{# One row per deal that counts: who asked, when, and by which phones and e-mails: those of
   its contact or company, and of its lead. Sensitive, never published. #}
with

deals as (

    select
        counted.deal_key,
        counted.source_system,
        counted.outcome,
        counted.created_at,
        counted.created_date,
        cast(coalesce(counted.closing_date, counted.lost_date) as timestamp)
        at time zone '{{ var("timezone") }}' as finished_at,
        details.source_system || ':' || details.contact_id as contact_key,
        details.source_system || ':' || details.company_id as company_key,
        details.source_system || ':' || details.lead_source_id as lead_key

    from {{ ref('int_deals__counted') }} as counted

    inner join {{ ref('int_deals__unioned') }} as details
        on
            counted.source_system = details.source_system
            and counted.source_id = details.source_id

),

placed as (

    select
        deals.deal_key,
        deals.source_system,
        deals.outcome,
        deals.created_at,
        deals.created_date,
        deals.finished_at,
        coalesce({{ identities_of_clients() }}, '{}')
        || case
            when leads.source_id is not null then {{ identities_of('leads') }}
            else '{}'
        end as identities,
        {{ party_key_of_clients() }} as party_key

    from deals

    {{ join_clients('deals') }}

    left join {{ whole('int_leads__unioned') }} as leads
        on deals.lead_key = leads.source_system || ':' || leads.source_id

)

select * from placed
