{{ config(meta={'unit': 'deal_key', 'by': {'deal_key': "coalesce(deal_key, fact_key)"}}) }}

with

facts as (

    select * from {{ ref('int_facts__credited') }}

),

stocks as (

    select
        event_key as stock_key,
        fact_type as stock_type,
        fact_key,
        detail,
        deal_key,
        fact_date as as_of_date,
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
        stage,
        stage_label,
        credit_weight,
        amount,
        whole_amount,
        is_shared

    from facts

    where is_stock

)

select * from stocks
