{{ config(materialized='view', meta={'published_as': 'view'}) }}

{# The registry of today and, as it was known then, of every day that can be asked for.
   A constant tells the two apart, so that a question about one does not read the other. #}
select
    registry.deal_key || '|' || days.as_of_date as registry_key,
    {{ day_columns('days') }},
    true as is_today,
    {%- for column in registry_columns() %}
    {{ column_of_today(column) }} as {{ column }},
    {%- endfor %}
    {%- for column in registry_money_columns() + registry_money_words() %}
    registry.{{ column }},
    {%- endfor %}
    {%- for column in registry_states(marked_columns() + marked_money_columns()) %}
    registry.{{ column }},
    {%- endfor %}
    registry.reader_keys

from {{ ref('rpt_as_of_dates') }} as days

cross join {{ ref('rpt_deal_registry') }} as registry

left join {{ ref('rpt_deal_clients') }} as clients
    on registry.deal_key = clients.deal_key

where days.is_today

union all

select
    versions.deal_key || '|' || days.as_of_date as registry_key,
    {{ day_columns('days') }},
    false as is_today,
    {%- for column in registry_columns() %}
    {{ column_of_then(column) }} as {{ column }},
    {%- endfor %}
    {%- for column in registry_money_columns() + registry_money_words() %}
    amounts.{{ column }},
    {%- endfor %}
    {%- for column in registry_states(marked_columns()) %}
    versions.{{ column }},
    {%- endfor %}
    {%- for column in registry_states(marked_money_columns()) %}
    amounts.{{ column }},
    {%- endfor %}
    keys.reader_keys

from {{ ref('rpt_as_of_dates') }} as days

inner join {{ ref('rpt_deal_versions') }} as versions
    on {{ was_known('versions', 'days.recorded_before') }}

inner join {{ ref('rpt_deal_version_amounts') }} as amounts
    on
        versions.version_key = amounts.version_key
        and {{ was_known('amounts', 'days.recorded_before') }}

inner join {{ ref('rpt_deal_keys') }} as keys
    on
        versions.deal_key = keys.deal_key
        and keys.right_name = 'whole'

left join {{ ref('rpt_deal_clients') }} as clients
    on versions.deal_key = clients.deal_key

where not days.is_today
