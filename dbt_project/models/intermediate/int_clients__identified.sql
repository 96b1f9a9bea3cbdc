{# One row per client record (contact, company, lead that has neither) and thing that
   tells who it is: phone, e-mail, tax number, company. Sensitive, never published. #}
with

contacts as (

    select
        source_system || ':' || source_id as contact_key,
        source_system || ':' || company_id as company_key,
        phone,
        email

    from {{ ref('int_contacts__unioned') }}

    where deleted_at is null

),

-- The firm's own companies are no clients.
companies as (

    select
        source_system || ':' || source_id as company_key,
        tax_number,
        phone

    from {{ ref('int_companies__unioned') }}

    where
        deleted_at is null
        and is_own is not true

),

leads as (

    select
        source_system || ':' || source_id as lead_key,
        source_system || ':' || contact_id as contact_key,
        source_system || ':' || company_id as company_key,
        phone,
        email

    from {{ ref('int_leads__unioned') }}

    where deleted_at is null

),

-- A lead of a known client tells more about this client.
placed_leads as (

    select
        coalesce(
            'contact:' || contacts.contact_key,
            'company:' || companies.company_key,
            'lead:' || leads.lead_key
        ) as client_key,
        companies.company_key,
        leads.phone,
        leads.email

    from leads

    left join contacts
        on leads.contact_key = contacts.contact_key

    left join companies
        on leads.company_key = companies.company_key

),

listed as (

    select
        'contact:' || contacts.contact_key as client_key,
        'contact:' || contacts.contact_key as identity
    from contacts

    union

    select
        'contact:' || contact_key as client_key,
        'phone:' || phone as identity
    from contacts

    union

    select
        'contact:' || contact_key as client_key,
        'email:' || email as identity
    from contacts

    union

    select
        'contact:' || contacts.contact_key as client_key,
        'company:' || companies.company_key as identity
    from contacts
    inner join companies
        on contacts.company_key = companies.company_key

    union

    select
        'company:' || company_key as client_key,
        'company:' || company_key as identity
    from companies

    union

    select
        'company:' || company_key as client_key,
        'phone:' || phone as identity
    from companies

    union

    select
        'company:' || company_key as client_key,
        'tax:' || tax_number as identity
    from companies

    union

    select
        client_key,
        'phone:' || phone as identity
    from placed_leads

    union

    select
        client_key,
        'email:' || email as identity
    from placed_leads

    union

    select
        client_key,
        'company:' || company_key as identity
    from placed_leads

    union

    -- A lead that says nothing about its client is a client of its own.
    select
        client_key,
        client_key as identity
    from placed_leads

)

select * from listed
where identity is not null
