{{ config(meta={'unit': 'deal_key'}) }}

with

documents as (

    select * from {{ ref('int_documents__unioned') }}
    where deleted_at is null

),

deals as (

    select * from {{ ref('int_deals__counted') }}

),

keyed as (

    select
        documents.source_system || ':' || documents.source_id as document_key,
        deals.deal_key,
        documents.kind,
        documents.number,
        documents.status,
        documents.signed_date,
        documents.valid_until_date,
        documents.terminated_date,
        documents.terminated_reason,
        documents.signatories,
        documents.is_exclusive

    from documents

    inner join deals
        on documents.source_system || ':' || documents.deal_source_id = deals.deal_key

)

select * from keyed
