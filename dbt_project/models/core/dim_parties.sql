with

grouped as (

    select * from {{ ref('int_clients__grouped') }}

),

contacts as (

    select * from {{ ref('dim_contacts') }}

),

companies as (

    select * from {{ ref('dim_companies') }}

),

-- A party is called by its company, else by its contact of the lowest key.
summed as (

    select
        grouped.party_key,
        count(*) as records,
        count(contacts.contact_key) as contacts,
        count(companies.company_key) as companies,
        coalesce(
            min(companies.company_name),
            (
                array_agg(contacts.contact_name order by contacts.contact_key)
                filter (where contacts.contact_name is not null)
            )[1]
        ) as party_name

    from grouped

    left join contacts
        on grouped.client_key = 'contact:' || contacts.contact_key

    left join companies
        on grouped.client_key = 'company:' || companies.company_key

    group by grouped.party_key

)

select * from summed
