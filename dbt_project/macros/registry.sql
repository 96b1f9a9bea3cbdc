{# Columns of the registry that a rule may mark; each gets a state code beside it. #}
{% macro marked_columns() -%}
    {{ return([
        'channel_label', 'contract_number', 'contract_signed_date',
        'advance_received_date', 'planned_settlement_date', 'refusal_reason',
    ]) }}
{%- endmacro %}

{% macro marked_money_columns() -%}
    {{ return(['price', 'commission']) }}
{%- endmacro %}

{# What every edition of the registry shows of a deal, in reading order. #}
{% macro registry_columns() -%}
    {{ return([
        'deal_key', 'deal_number', 'deal_number_html', 'card_url', 'stage', 'stage_label',
        'outcome', 'outcome_label', 'deal_type', 'deal_type_label', 'pipeline_label',
        'channel_label', 'object_address', 'client_name', 'deal_owner_name',
        'lead_handler_name', 'meeting_host_name', 'contract_owner_name',
        'showing_host_name', 'advance_owner_name', 'lawyer_name', 'mortgage_broker_name',
        'responsible_name', 'group_name', 'department_name', 'created_date',
        'contract_number', 'contract_signed_date', 'advance_received_date',
        'advance_expiry_date', 'planned_settlement_date', 'closing_date',
        'closing_date_basis', 'lost_date', 'refusal_reason', 'age_days',
        'findings_count', 'findings_critical', 'findings_text', 'modified_at',
        'as_of_date',
    ]) }}
{%- endmacro %}

{% macro registry_money_columns() -%}
    {{ return([
        'price', 'commission', 'partner_share', 'revenue_net', 'expected_revenue',
        'revenue_with_expected',
        'direct_expenses', 'advance_amount', 'paid_amount',
    ]) }}
{%- endmacro %}
