{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# What the registry said of a deal from one load to the next, without its amounts. #}
with

versions as (

    {{ ended_versions(ref('int_deal_registry__versioned'), 'deal_key') }}

)

select
    version_key,
    deal_key,
    recorded_from,
    recorded_to,
    {%- for column in registry_versioned_columns() + registry_states(marked_columns()) %}
    {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}

from versions
