{{ config(materialized='view') }}

{# One row per entry of the books, those of deals and those of leads. #}
with

entries as (

    select
        *,
        false as is_lead
    from {{ ref('int_facts__recorded') }}

    union all

    select
        *,
        true as is_lead
    from {{ ref('int_lead_facts__recorded') }}

)

select * from entries
