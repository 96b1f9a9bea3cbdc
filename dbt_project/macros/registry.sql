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
        'settlement_net_shift_days', 'settlement_due_label', 'closing_date', 'closing_date_basis', 'lost_date',
        'refusal_reason', 'refusal_comment', 'crm_stage', 'days_in_stage',
        'stage_limit_text', 'stage_limit_label', 'age_days', 'days_since_last_touch', 'next_step_date',
        'risk_level_label', 'risk_reasons', 'collapse_probability', 'findings_count',
        'findings_critical', 'findings_major', 'findings_minor', 'findings_waived',
        'findings_text', 'modified_at', 'modified_by_name', 'as_of_date',
        'period_lock_label',
    ]) }}
{%- endmacro %}

{# What a clock says of a deal: no table holds it, it is told when a row is read. #}
{% macro registry_clock_columns() -%}
    {{ return([
        'as_of_date', 'age_days', 'days_in_stage', 'days_since_last_touch',
        'next_step_date',
    ]) }}
{%- endmacro %}

{# Classes by which pages filter: today's are stored, those of other days are told. #}
{% macro registry_clock_classes() -%}
    {{ return(['stage_limit_label', 'settlement_due_label']) }}
{%- endmacro %}

{# The days and the moment that a clock is compared with. #}
{% macro registry_clock_bases() -%}
    {{ return(['stay_clock_date', 'last_touch_date', 'open_step_dates', 'limit_at']) }}
{%- endmacro %}

{# What the tables of the registry hold in place of what a clock says. #}
{% macro registry_stored_columns() -%}
    {%- set stored = [] -%}
    {%- for column in registry_columns() if column not in registry_clock_columns() -%}
        {%- do stored.append(column) -%}
    {%- endfor -%}
    {{ return(stored + registry_clock_bases()) }}
{%- endmacro %}

{# What a version of a deal keeps: nothing that a clock says, no name of a client and
   nothing that its other columns give. #}
{% macro registry_versioned_columns() -%}
    {%- set left_out = ['deal_key', 'deal_number_html', 'client_name']
        + registry_clock_classes() + registry_risk_columns() -%}
    {%- set kept = [] -%}
    {%- for column in registry_stored_columns() if column not in left_out -%}
        {%- do kept.append(column) -%}
    {%- endfor -%}
    {{ return(kept) }}
{%- endmacro %}

{% macro registry_risk_columns() -%}
    {{ return(['risk_level_label', 'risk_reasons', 'collapse_probability']) }}
{%- endmacro %}

{# States of the marked cells. #}
{% macro registry_states(columns) -%}
    {%- set states = [] -%}
    {%- for column in columns -%}
        {%- do states.append(column ~ '_state') -%}
    {%- endfor -%}
    {{ return(states) }}
{%- endmacro %}

{# What a clock says of a deal, by column. words: expressions by their names in texts. #}
{% macro told_by_clock(deals, as_of_date, day_end, words) -%}
    {{ return({
        'as_of_date': as_of_date,
        'age_days': days_since(deals ~ '.created_date', as_of_date),
        'days_in_stage': days_since(deals ~ '.stay_clock_date', as_of_date),
        'days_since_last_touch': days_since(deals ~ '.last_touch_date', as_of_date),
        'next_step_date': nearest_of(deals ~ '.open_step_dates', as_of_date),
        'stage_limit_label': one_of_two(
            deals ~ '.limit_at is not null',
            is_over(deals ~ '.limit_at', day_end),
            words['stage_over_limit'], words['stage_in_limit']
        ),
        'settlement_due_label': one_of_two(
            deals ~ ".outcome = 'open' and " ~ deals ~ '.planned_settlement_date is not null',
            is_over(deals ~ '.planned_settlement_date', as_of_date),
            words['settlement_overdue'], words['settlement_ahead']
        ),
    }) }}
{%- endmacro %}

{% macro one_of_two(is_told, is_first, first, second) -%}
    case when {{ is_told }} then case when {{ is_first }} then {{ first }} else {{ second }} end end
{%- endmacro %}

{# Names of the words that a clock tells, in seeds/texts.csv. #}
{% macro clock_words() -%}
    {{ return([
        'stage_over_limit', 'stage_in_limit', 'settlement_overdue', 'settlement_ahead',
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
