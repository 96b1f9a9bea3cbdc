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
