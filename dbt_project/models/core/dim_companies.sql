with

companies as (

    select * from {{ ref('int_companies__unioned') }}

),

parties as (

    select * from {{ ref('int_clients__grouped') }}

),

keyed as (

    select
        companies.source_system || ':' || companies.source_id as company_key,
        companies.source_system,
        companies.source_id,
        companies.title as company_name,
        companies.tax_number,
        companies.is_own,
        parties.party_key,
        companies.deleted_at is not null as is_deleted

    from companies

    left join parties
        on
            'company:' || companies.source_system || ':' || companies.source_id
            = parties.client_key

)

select * from keyed
