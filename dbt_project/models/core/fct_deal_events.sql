{{ config(meta={'unit': 'deal_key', 'by': {'deal_key': "coalesce(deal_key, fact_key)"}}) }}

with

facts as (

    select * from {{ ref('int_facts__credited') }}

),

events as (

    select
        {{ surrogate_key(['fact_type', 'fact_key', 'employee_key']) }} as event_key,
        fact_type as event_type,
        fact_key,
        detail,
        deal_key,
        fact_date as event_date,
        cast(date_trunc('month', fact_date) as date) as event_month,
        role,
        employee_key,
        employee_name,
        org_unit_key,
        ancestor_keys,
        group_key,
        group_name,
        department_key,
        department_name,
        deal_type,
        deal_type_label,
        pipeline_label,
        channel_label,
        credit_weight,
        amount,
        whole_amount,
        is_shared

    from facts

    where not is_stock

)

select * from events
