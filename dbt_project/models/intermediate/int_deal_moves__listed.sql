{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# One row per move of a deal to another stage or pipeline: exact where the CRM keeps its
   history, otherwise between two loads. Who moved the deal no source tells. #}
with

deals as (

    select * from {{ ref('int_deals__counted') }}

),

survivors as (

    select * from {{ ref('int_deals__survived') }}

),

visits as (

    select * from {{ ref('int_stage_visits__limited') }}

),

moved as (
    {%- for field in ['stage', 'pipeline'] %}

    select
        *,
        '{{ field }}' as field,
        previous_{{ field }} as old_value,
        {{ field }} as new_value

    from visits

    where {{ field }} <> previous_{{ field }}

    {%- if not loop.last %}

    union all
    {%- endif %}
    {%- endfor %}

),

listed as (

    select
        moved.deal_key || '|' || moved.field || '|' || moved.visit_no as change_key,
        survivors.survivor_key as deal_key,
        moved.deal_key <> survivors.survivor_key as is_inherited,
        moved.field,
        moved.old_value,
        moved.new_value,
        coalesce(moved.entered_after, moved.entered_at) as changed_at_lower,
        moved.entered_at as changed_at_upper,
        moved.entered_date as change_date,
        moved.source_of_fact,
        case
            when moved.source_of_fact = 'api_history' then 'exact'
            else 'between_snapshots'
        end as precision

    from moved

    inner join survivors
        on moved.deal_key = survivors.deal_key

    inner join deals
        on survivors.survivor_key = deals.deal_key

)

select * from listed
