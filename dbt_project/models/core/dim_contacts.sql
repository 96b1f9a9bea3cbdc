{{ config(meta={'by': {'contacts': 'contact_key'}}) }}

with

contacts as (

    select * from {{ ref('int_contacts__unioned') }}

),

parties as (

    select * from {{ ref('int_clients__grouped') }}

),

-- The phone and the e-mail stay in the union: here is only whether they are known.
keyed as (

    select
        contacts.source_system || ':' || contacts.source_id as contact_key,
        contacts.source_system,
        contacts.source_id,
        contacts.full_name as contact_name,
        contacts.source_system || ':' || contacts.company_id as company_key,
        parties.party_key,
        contacts.phone is not null as has_phone,
        contacts.email is not null as has_email,
        {{ business_date('contacts.created_at') }} as created_date,
        contacts.deleted_at is not null as is_deleted

    from contacts

    left join parties
        on
            'contact:' || contacts.source_system || ':' || contacts.source_id
            = parties.client_key

)

select * from keyed
