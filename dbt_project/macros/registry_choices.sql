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
{% macro masked_client(deals) -%}
    replace({{ text('client_masked') }}, '{number}', {{ deals }}.deal_number)
{%- endmacro %}

{# A column of a stored edition: a client has no name there. #}
{% macro stored_column(column) -%}
    {%- if column == 'client_name' -%}
        {{ masked_client('registry') }} as client_name
    {%- else -%}
        registry.{{ column }}
    {%- endif -%}
{%- endmacro %}

{# A column of a view: the client's name where the reader may read it. #}
{% macro named_column(column) -%}
    {%- if column == 'client_name' -%}
        coalesce(clients.client_name, registry.client_name) as client_name
    {%- else -%}
        registry.{{ column }}
    {%- endif -%}
{%- endmacro %}
