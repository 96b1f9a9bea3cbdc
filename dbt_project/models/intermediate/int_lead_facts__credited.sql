{{ config(meta={'unit': 'lead_key', 'by': {'event_day': day_key('event_date')}}) }}

{# One row per event of a lead and person it is credited to, as known now. #}
with

leads as (

    select * from {{ ref('int_leads__placed') }}
    where
        moment in ('created', 'qualified')
        and moment_date <= {{ today() }}

),

events as (

    select
        {{ surrogate_key(['moment', 'lead_key', 'employee_key']) }} as event_key,
        case
            when moment = 'qualified' then 'lead_qualified'
            when is_spam then 'lead_spam'
            else 'lead_created'
        end as event_type,
        lead_key as fact_key,
        source_system,
        lead_key,
        deal_key,
        moment_date as event_date,
        cast(date_trunc('month', moment_date) as date) as event_month,
        'lead_handler' as role,
        employee_key,
        unit_path_key,
        employee_name,
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
        novelty,
        outcome,
        is_duplicate,
        is_repeat,
        is_qualified,
        cast(1 as numeric(9, 4)) as credit_weight,
        estimate_amount as amount,
        estimate_amount as whole_amount,
        false as is_shared

    from leads

)

select * from events
