{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

with

visits as (

    select * from {{ ref('int_stage_visits__timed') }}

),

deals as (

    select * from {{ ref('int_deals__counted') }}

),

counted as (

    select visits.*

    from visits

    inner join deals
        on visits.deal_key = deals.deal_key

)

select * from counted
