{{ config(materialized='view', meta={'by': {'lead_key': 'lead_key'}}) }}

with

leads as (

    select * from {{ ref('int_leads__placed') }}
    where moment = 'today'

),

stocks as (

    select
        {{ surrogate_key(['lead_key', 'employee_key']) }} as stock_key,
        case outcome when 'paused' then 'lead_paused' else 'lead_in_work' end
            as stock_type,
        lead_key as fact_key,
        case when outcome = 'paused' then pause_reason end as detail,
        source_system,
        lead_key,
        moment_date as as_of_date,
        'lead_handler' as role,
        employee_key,
        employee_name,
        unit_path_key,
        org_unit_key,
        ancestor_keys,
        group_key,
        group_name,
        department_key,
        department_name,
        cast(null as text) as deal_type_label,
        cast(null as text) as pipeline_label,
        channel,
        channel_label,
        channel_group,
        quality,
        cast(null as text) as stage,
        cast(null as text) as stage_label,
        cast(1 as numeric(9, 4)) as credit_weight,
        estimate_amount as amount,
        estimate_amount as whole_amount,
        case when outcome = 'paused' then {{ days_until('null', 'paused_at') }} end as pause_days,
        case when outcome = 'paused' then paused_at end as counted_from,
        false as is_shared

    from leads

)

select * from stocks
