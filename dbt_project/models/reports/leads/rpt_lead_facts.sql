{{ config(meta={'unit': 'lead_key', 'clocked': 'stock_type is not null'}) }}

{# What the numbers of leads are made of: what happened to a lead, and where it stands
   today. No phone, no e-mail. #}
with

events as (

    select
        event_key as lead_fact_key,
        event_type,
        cast(null as text) as stock_type,
        lead_key,
        event_date,
        event_month,
        correction_of_month,
        employee_key,
        employee_name,
        group_key,
        group_name,
        department_key,
        department_name,
        ancestor_keys,
        channel_label,
        quality,
        is_duplicate,
        is_repeat,
        is_qualified,
        cast(null as text) as detail,
        cast(null as numeric(18, 2)) as pause_days,
        credit_weight,
        amount

    from {{ ref('fct_lead_events') }}

),

stocks as (

    select
        stock_key as lead_fact_key,
        cast(null as text) as event_type,
        stock_type,
        lead_key,
        as_of_date as event_date,
        cast(date_trunc('month', as_of_date) as date) as event_month,
        cast(null as date) as correction_of_month,
        employee_key,
        employee_name,
        group_key,
        group_name,
        department_key,
        department_name,
        ancestor_keys,
        channel_label,
        quality,
        cast(null as boolean) as is_duplicate,
        cast(null as boolean) as is_repeat,
        cast(null as boolean) as is_qualified,
        detail,
        pause_days,
        credit_weight,
        amount

    from {{ ref('fct_lead_stocks') }}

),

facts as (

    select * from events

    union all

    select * from stocks

),

leads as (

    select * from {{ ref('fct_leads') }}

),

described as (

    select
        facts.lead_fact_key,
        facts.event_type,
        facts.stock_type,
        facts.lead_key,
        leads.title as lead_title,
        {{ card_url('leads', 'leads.source_system', 'leads.source_id') }} as lead_url,
        facts.event_date,
        facts.event_month,
        facts.correction_of_month,
        facts.employee_key,
        coalesce(facts.employee_name, {{ text('unassigned') }}) as employee_name,
        facts.group_key,
        coalesce(facts.group_name, {{ text('no_group') }}) as group_name,
        facts.department_key,
        coalesce(facts.department_name, {{ text('no_department') }}) as department_name,
        facts.channel_label,
        facts.quality,
        leads.outcome,
        leads.deal_key,
        facts.is_duplicate,
        facts.is_repeat,
        facts.is_qualified,
        facts.detail,
        facts.pause_days,
        facts.credit_weight,
        facts.amount,
        {{ money_reader_keys('facts.employee_key', 'facts.ancestor_keys') }}
            as reader_keys

    from facts

    inner join leads
        on facts.lead_key = leads.lead_key

)

select * from described
