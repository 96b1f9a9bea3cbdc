{{ config(materialized='view', meta={
    'by': {'step_cell': unit_of_cell('step_cell')}
}) }}

{# One row per step of a deal or of a request, side by side. A request is no link of a
   chain. #}
{%- set columns = [
    'pair', 'side', 'event_date', 'event_month', 'entered', 'reached', 'decided',
    'arrived', 'lag_days', 'unit_path_key', 'deal_type_label',
    'pipeline_label', 'channel_label', 'step_cell',
] %}

with

steps as (

    select
        deals.{{ columns | join(', deals.') }},
        chains.deal_key is not null as is_chain_link

    from {{ ref('fct_conversion_steps') }} as deals

    left join {{ ref('int_chains__linked') }} as chains
        on deals.deal_key = chains.deal_key

    union all

    select
        {{ columns | join(', ') }},
        false as is_chain_link

    from {{ ref('fct_lead_steps') }}

)

select
    *,
    {{ today() }} - event_date as age_days
from steps
