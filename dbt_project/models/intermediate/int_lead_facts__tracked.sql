{{ config(materialized='view', meta={'unit': 'lead_key'}) }}

{# The same of leads. #}
with

lead_facts as (

    select * from {{ ref('int_lead_facts__credited') }}

),

lead_stocks as (

    select * from {{ ref('fct_lead_stocks') }}

),

tracked as (

    select
        cast(event_key as uuid) as event_key,
        false as is_stock,
        event_type,
        fact_key,
        event_date,
        -- Which deal a lead became is no news of the day it came.
        cast(null as text) as deal_key,
        lead_key,
        role,
        employee_key,
        coalesce(unit_path_key, {{ no_unit_path() }}) as unit_path_key,
        cast(null as text) as detail,
        cast(null as text) as deal_type,
        cast(null as text) as pipeline_key,
        source_system || ':' || coalesce(channel, channel_label) as channel_key,
        cast(null as text) as stage,
        credit_weight,
        amount,
        whole_amount,
        is_shared,
        quality,
        is_duplicate,
        is_repeat,
        is_qualified,
        cast(null as timestamptz) as counted_from,
        cast(null as numeric) as counted_weight,
        cast(null as numeric) as counted_total_weight

    from lead_facts

    union all

    select
        cast(stock_key as uuid) as event_key,
        true as is_stock,
        stock_type as event_type,
        fact_key,
        cast(null as date) as event_date,
        cast(null as text) as deal_key,
        lead_key,
        role,
        employee_key,
        coalesce(unit_path_key, {{ no_unit_path() }}) as unit_path_key,
        detail,
        cast(null as text) as deal_type,
        cast(null as text) as pipeline_key,
        source_system || ':' || coalesce(channel, channel_label) as channel_key,
        cast(null as text) as stage,
        credit_weight,
        amount,
        whole_amount,
        is_shared,
        quality,
        cast(null as boolean) as is_duplicate,
        cast(null as boolean) as is_repeat,
        cast(null as boolean) as is_qualified,
        counted_from,
        cast(null as numeric) as counted_weight,
        cast(null as numeric) as counted_total_weight

    from lead_stocks

)

select * from tracked
