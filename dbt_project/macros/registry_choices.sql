{# Where a deal stands in the months of the chosen date: its month, the line of deals
   without that date, or the line of facts dated after today. A plan may lie ahead. #}
{% macro chosen_month_columns(registry, choices) -%}
    {%- set date = chosen_date(registry, choices) -%}
    {%- set is_ahead -%}
        {{ choices }}.date_code <> 'settlement' and {{ date }} > {{ registry }}.as_of_date
    {%- endset %}
    {{ date }} as chosen_date,
    case
        when {{ date }} is null then {{ choices }}.undated_label
        when {{ is_ahead }} then {{ choices }}.future_label
        else to_char({{ date }}, 'MM.YYYY')
    end as month_label,
    case
        when {{ date }} is null then 999902
        when {{ is_ahead }} then 999901
        else cast(to_char({{ date }}, 'YYYYMM') as integer)
    end as month_order
{%- endmacro %}

{% macro chosen_date(registry, choices) -%}
    case {{ choices }}.date_code
        when 'contract' then {{ registry }}.contract_signed_date
        when 'advance' then {{ registry }}.advance_received_date
        when 'settlement' then {{ registry }}.planned_settlement_date
        when 'closing' then {{ registry }}.closing_date
    end
{%- endmacro %}

{# What the page of the registry is asked for, in every edition. #}
{% macro choice_columns(choices) %}
    {{ choices }}.role,
    {{ choices }}.role_label,
    {{ choices }}.role_order,
    {{ choices }}.date_code,
    {{ choices }}.date_label,
    {{ choices }}.date_order
{%- endmacro %}

{# Places of the roles in a list of choices: the money role first, then any role. #}
{% macro role_codes() -%}
    {{ return([
        'deal_owner', 'any', 'lead_handler', 'meeting_host', 'contract_owner',
        'showing_host', 'advance_owner', 'lawyer', 'mortgage_broker',
        'co_agent_internal', 'group_head', 'referrer_internal',
    ]) }}
{%- endmacro %}

{# Clients' names lie in a table of their own; the registry has a mask in their place. #}
{% macro masked_client(deals, mask) -%}
    replace({{ mask }}, '{number}', {{ deals }}.deal_number)
{%- endmacro %}

{# A column of a stored edition: a client has no name there. #}
{% macro stored_column(column) -%}
    {%- if column == 'client_name' -%}
        {{ masked_client('registry', text('client_masked')) }} as client_name
    {%- else -%}
        registry.{{ column }}
    {%- endif -%}
{%- endmacro %}

{# A column of the registry as it is read today. #}
{% macro column_of_today(column) -%}
    {%- set told = told_by_clock('registry', 'days.as_of_date', 'days.recorded_before', {}) -%}
    {%- if column in registry_clock_columns() -%}
        {{ told[column] }}
    {%- elif column == 'client_name' -%}
        coalesce(clients.client_name, registry.client_name)
    {%- else -%}
        registry.{{ column }}
    {%- endif -%}
{%- endmacro %}

{# A column of the registry as it was known on a day. #}
{% macro column_of_then(column) -%}
    {%- set words = {} -%}
    {%- for word in clock_words() -%}
        {%- do words.update({word: 'days.' ~ word ~ '_label'}) -%}
    {%- endfor -%}
    {%- set told = told_by_clock('versions', 'days.as_of_date', 'days.recorded_before', words) -%}
    {%- if column in registry_clock_columns() + registry_clock_classes() -%}
        {{ told[column] }}
    {%- elif column in registry_risk_columns() -%}
        cast(null as {{ 'numeric(9, 4)' if column == 'collapse_probability' else 'text' }})
    {%- elif column == 'deal_number_html' -%}
        {{ card_link('versions.card_url', 'versions.deal_number') }}
    {%- elif column == 'client_name' -%}
        coalesce(
            clients.client_name,
            {{ masked_client('versions', 'days.client_masked_label') }}
        )
    {%- else -%}
        versions.{{ column }}
    {%- endif -%}
{%- endmacro %}

{# The day that a row of the registry speaks of. #}
{% macro day_columns(days) %}
    {{ days }}.as_of_label,
    {{ days }}.as_of_order,
    {{ days }}.recorded_before{%- endmacro %}

{# The registry of today and, as it was known then, of every day that can be asked for,
   with the amounts of the deals or without. A constant tells the two apart, so that a
   question about one does not read the other. #}
{% macro registry_as_of(has_money) -%}
    {%- set right = 'whole' if has_money else 'rows' -%}
    {%- set amounts = registry_money_columns() + registry_money_words() if has_money else [] -%}
    {%- set money_states = registry_states(marked_money_columns()) if has_money else [] -%}
    {%- set edition = 'rpt_deal_registry' if has_money else 'rpt_deal_registry_without_money' -%}
select
    registry.deal_key || '|' || days.as_of_date as registry_key,
    {{ day_columns('days') }},
    true as is_today,
    {%- if not has_money %}
    cast(null as text) as version_key,
    {%- endif %}
    {%- for column in registry_columns() %}
    {{ column_of_today(column) }} as {{ column }},
    {%- endfor %}
    {%- for column in amounts + registry_states(marked_columns()) + money_states %}
    registry.{{ column }},
    {%- endfor %}
    registry.reader_keys

from {{ ref('rpt_as_of_dates') }} as days

cross join {{ ref(edition) }} as registry

left join {{ ref('rpt_deal_clients') }} as clients
    on registry.deal_key = clients.deal_key

where days.is_today

union all

select
    versions.deal_key || '|' || days.as_of_date as registry_key,
    {{ day_columns('days') }},
    false as is_today,
    {%- if not has_money %}
    versions.version_key,
    {%- endif %}
    {%- for column in registry_columns() %}
    {{ column_of_then(column) }} as {{ column }},
    {%- endfor %}
    {%- for column in amounts %}
    amounts.{{ column }},
    {%- endfor %}
    {%- for column in registry_states(marked_columns()) %}
    versions.{{ column }},
    {%- endfor %}
    {%- for column in money_states %}
    amounts.{{ column }},
    {%- endfor %}
    keys.reader_keys

from {{ ref('rpt_as_of_dates') }} as days

inner join {{ ref('rpt_deal_versions') }} as versions
    on {{ was_known('versions', 'days.recorded_before') }}
{% if has_money %}
inner join {{ ref('rpt_deal_version_amounts') }} as amounts
    on
        versions.version_key = amounts.version_key
        and {{ was_known('amounts', 'days.recorded_before') }}
{% endif %}
inner join {{ ref('rpt_deal_keys') }} as keys
    on
        versions.deal_key = keys.deal_key
        and keys.right_name = '{{ right }}'

left join {{ ref('rpt_deal_clients') }} as clients
    on versions.deal_key = clients.deal_key

where not days.is_today
{%- endmacro %}
