{{ config(materialized='view') }}

{# One row per step of a deal or of a request, side by side. #}
{%- set columns = [
    'pair', 'side', 'event_date', 'event_month', 'entered', 'reached', 'decided',
    'arrived', 'lag_days', 'placement_key', 'deal_type_label',
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
