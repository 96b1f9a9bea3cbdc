{# Columns of the registry that a rule may mark; each gets a state code beside it. #}
{% macro marked_columns() -%}
    {{ return([
        'stage_label', 'channel_label', 'contract_number', 'contract_signed_date',
        'advance_received_date', 'planned_settlement_date', 'closing_date',
        'refusal_reason', 'deal_owner_name', 'lead_handler_name', 'meeting_host_name',
        'contract_owner_name', 'showing_host_name', 'advance_owner_name', 'lawyer_name',
        'mortgage_broker_name', 'responsible_name',
    ]) }}
{%- endmacro %}

{% macro marked_money_columns() -%}
    {{ return(['price', 'commission']) }}
{%- endmacro %}

{# What every edition of the registry shows of a deal, in reading order. #}
{% macro registry_columns() -%}
    {{ return([
        'deal_key', 'deal_number', 'deal_number_html', 'card_url', 'stage', 'stage_label',
        'outcome', 'outcome_label', 'deal_type', 'deal_type_label', 'direction_label',
        'pipeline_label', 'legal_entity', 'channel_label', 'channel_group', 'campaign',
        'object_address', 'client_name', 'partner_agency', 'partner_agent_name',
        'deal_owner_name', 'lead_handler_name', 'meeting_host_name',
        'contract_owner_name', 'showing_host_name', 'advance_owner_name', 'lawyer_name',
        'mortgage_broker_name', 'owner_now_name', 'responsible_name', 'group_name',
        'department_name', 'created_date', 'first_response_date', 'first_meeting_date',
        'contract_number', 'contract_signed_date', 'first_showing_date',
        'reservation_date', 'advance_received_date', 'advance_expiry_date',
        'planned_settlement_date', 'settlement_date_changes',
        'settlement_net_shift_days', 'closing_date', 'closing_date_basis', 'lost_date',
        'refusal_reason', 'refusal_comment', 'crm_stage', 'days_in_stage',
        'stage_limit_text', 'age_days', 'days_since_last_touch', 'next_step_date',
        'risk_level_label', 'risk_reasons', 'collapse_probability', 'findings_count',
        'findings_critical', 'findings_major', 'findings_minor', 'findings_waived',
        'findings_text', 'modified_at', 'modified_by_name', 'as_of_date',
        'period_lock_label',
    ]) }}
{%- endmacro %}

{# Amounts of a deal: shares of them are split without a remainder. #}
{% macro registry_money_columns() -%}
    {{ return([
        'price', 'commission', 'commission_agreed', 'commission_current',
        'commission_gross', 'commission_drift', 'discounts', 'partner_share',
        'commission_refunds', 'revenue_net', 'expected_revenue', 'revenue_with_expected',
        'direct_expenses', 'contribution', 'payroll_variable', 'deal_profit',
        'advance_amount', 'advances_amount', 'advances_refunded_amount', 'advances_held',
        'invoiced', 'received', 'paid_amount', 'payment_remainder',
        'commission_receivable', 'dq_money_at_stake', 'corrections_amount',
    ]) }}
{%- endmacro %}

{# What is said of the money and is no amount: the same for everyone who sees amounts. #}
{% macro registry_money_words() -%}
    {{ return(['margin_pct', 'payment_status_label']) }}
{%- endmacro %}
