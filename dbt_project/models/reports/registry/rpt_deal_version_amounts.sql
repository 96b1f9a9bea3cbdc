{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# The amounts of the versions, for readers of whole amounts. #}
select
    version_key,
    deal_key,
    {%- for column in registry_money_columns() + registry_money_words()
        + registry_states(marked_money_columns()) %}
    {{ column }}{{ ',' if not loop.last }}
    {%- endfor %}

from {{ ref('int_deal_registry__versioned') }}

where is_present
