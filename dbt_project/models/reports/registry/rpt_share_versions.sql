{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# The parts of the amounts of deals that several people shared, from one load to the
   next. #}
with

versions as (

    {{ ended_versions(ref('int_deal_shares__versioned'), 'participant_key') }}

)

select
    version_key,
    participant_key,
    deal_key,
    recorded_from,
    recorded_to,
    {%- for column in registry_money_columns() + registry_money_words()
        + registry_states(marked_money_columns()) %}
    {{ column }},
    {%- endfor %}
    array['whole|' || deal_key, 'share|' || participant_key] as right_keys

from versions
