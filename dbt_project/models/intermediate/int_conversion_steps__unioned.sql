{{ config(materialized='view') }}

{# One row per step of a deal or of a request, side by side. #}
{%- set columns = [
    'step_key', 'pair', 'side', 'event_date', 'event_month', 'entered', 'reached',
    'decided', 'arrived', 'lag_days', 'ancestor_keys', 'group_key',
    'group_name', 'department_key', 'department_name', 'deal_type_label',
    'pipeline_label', 'channel_label',
] %}

with

steps as (

    select {{ columns | join(', ') }} from {{ ref('fct_conversion_steps') }}

    union all

    select {{ columns | join(', ') }} from {{ ref('fct_lead_steps') }}

)

select
    *,
    {{ today() }} - event_date as age_days
from steps
