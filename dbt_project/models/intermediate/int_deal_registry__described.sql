{{ config(meta={
    'unit': 'deal_key',
    'clocked': "outcome = 'open' and (" ~ has_ended_since('planned_settlement_date')
        ~ ' or ' ~ has_come_since(business_date('limit_at')) ~ ')',
}) }}

{# One row per deal that counts, with its findings; the editions choose their columns.
   What a clock says is told when the row is read; here are the days it is told from, and
   today's classes, by which pages filter. #}
with

deals as not materialized (

    select * from {{ ref('fct_deals') }}
    where
        not is_deleted
        and not is_test

),

-- A deal of two owners belongs to the units of both.
owner_units as (

    select
        deal_key,
        string_agg(distinct group_name, ', ' order by group_name) as group_name,
        string_agg(distinct department_name, ', ' order by department_name)
            as department_name

    from {{ ref('fct_deal_participants') }}

    where
        role = 'deal_owner'
        and is_credited

    group by deal_key

),

findings as (

    select
        findings.*,
        rules.title,
        rules.severity,
        rules.cell_state_code,
        rules.icon

    from {{ ref('fct_findings') }} as findings

    inner join {{ ref('dim_rules') }} as rules
        on findings.rule_id = rules.rule_id

    where findings.closed_at is null

),

flagged as (

    select
        deal_key,
        count(*) as findings_count,
        count(*) filter (where severity = 'critical') as findings_critical,
        count(*) filter (where severity = 'major') as findings_major,
        count(*) filter (where severity = 'minor') as findings_minor,
        string_agg(icon || ' ' || title, '; ' order by severity, rule_id)
            as findings_text,
        {%- for column in marked_columns() + marked_money_columns() %}
        max(cell_state_code) filter (where column_name = '{{ column }}')
            as {{ column }}_state{{ ',' if not loop.last }}
        {%- endfor %}

    from findings

    group by deal_key

),

cards as (

    select * from {{ ref('int_deals__mapped') }}

),

touched as (

    select * from {{ ref('int_deals__touched') }}

),

changed as (

    select * from {{ ref('int_deals__changed') }}

),

payment_statuses as (

    select * from {{ ref('payment_statuses') }}

),

stays as (

    select
        deal_key,
        max(limit_value) as limit_value,
        max(limit_unit) as limit_unit

    from {{ ref('int_stage_visits__limited') }}

    where is_open

    group by deal_key

),

reserved as (

    select
        deal_key,
        {{ business_date('min(from_at)') }} as reservation_date

    from {{ ref('fct_reservations') }}

    where deal_key is not null

    group by deal_key

),

-- Whoever answers for the deal today, where somebody else is credited with it.
owners_now as (

    select
        deal_key,
        string_agg(employee_name, ', ' order by employee_key) as owner_now_name

    from {{ ref('fct_deal_participants') }}

    where
        role = 'deal_owner'
        and is_current
        and not is_credited

    group by deal_key

),

locks as (

    select * from {{ ref('dim_period_locks') }}
    where is_active

),

-- A deal lies in the period of its end, in the unit of its owner.
locked as (

    select
        deals.deal_key,
        min(locks.locked_at) as locked_at

    from deals

    left join {{ ref('dim_org_units') }} as org_units
        on coalesce(deals.group_key, deals.department_key) = org_units.org_unit_key

    inner join locks
        on
            date_trunc('month', coalesce(deals.closing_date, deals.lost_date))
            = locks.period_month
            and (
                locks.org_unit_key is null
                or locks.org_unit_key = any(org_units.ancestor_keys)
            )

    group by deals.deal_key

),

corrected as (

    select
        deal_key,
        {{ measure_named('revenue_net') }} as corrections_amount

    from {{ ref('int_corrections__booked') }}

    where placement = 'correction'

    group by deal_key

),

authors as (

    select
        accounts.account_key,
        employees.full_name as author_name

    from {{ ref('dim_employee_accounts') }} as accounts

    inner join {{ ref('dim_employees') }} as employees
        on accounts.employee_key = employees.employee_key

),

{# What this model says itself; the rest comes from the deal. Columns without a value yet
   say so in the words of their description. #}
{% set said = {
    'deal_number_html': card_link('deals.card_url', 'deals.deal_number'),
    'group_name': 'coalesce(owner_units.group_name, deals.group_name)',
    'department_name': 'coalesce(owner_units.department_name, deals.department_name)',
    'legal_entity': 'cards.legal_entity',
    'direction_label': 'cast(null as text)',
    'campaign': 'cast(null as text)',
    'partner_agent_name': 'cast(null as text)',
    'owner_now_name': 'owners_now.owner_now_name',
    'first_response_date': 'touched.first_response_date',
    'first_meeting_date': 'touched.first_meeting_date',
    'first_showing_date': 'touched.first_showing_date',
    'contract_signed_date':
        'coalesce(deals.first_contract_date, deals.contract_signed_date)',
    'advance_received_date':
        'coalesce(deals.first_advance_date, deals.advance_received_date)',
    'reservation_date': 'reserved.reservation_date',
    'settlement_date_changes':
        'cast(coalesce(changed.settlement_date_changes, 0) as integer)',
    'settlement_net_shift_days':
        'cast(coalesce(changed.settlement_net_shift_days, 0) as integer)',
    'closing_date_basis': "case deals.closing_date_basis when 'settlement' then "
        ~ text('closing_settlement') ~ " when 'stage_entry' then "
        ~ text('closing_stage_entry') ~ " end",
    'stay_clock_date': "case when deals.outcome in ('open', 'paused') then deals.stay_clock_date end",
    'stage_limit_text': 'case when stays.limit_value is not null then '
        ~ limit_text('stays.limit_value', 'stays.limit_unit') ~ ' end',
    'last_touch_date': "case when deals.outcome in ('open', 'paused') then touched.last_touch_date end",
    'open_step_dates': 'touched.open_step_dates',
    'risk_level_label': 'cast(null as text)',
    'risk_reasons': 'cast(null as text)',
    'collapse_probability': 'cast(null as numeric(9, 4))',
    'findings_count': 'coalesce(flagged.findings_count, 0)',
    'findings_critical': 'coalesce(flagged.findings_critical, 0)',
    'findings_major': 'coalesce(flagged.findings_major, 0)',
    'findings_minor': 'coalesce(flagged.findings_minor, 0)',
    'findings_waived': 'cast(null as bigint)',
    'findings_text': 'flagged.findings_text',
    'modified_by_name': 'authors.author_name',
    'period_lock_label': 'replace(' ~ text('period_locked')
        ~ ", '{date}', to_char(" ~ business_date('locked.locked_at') ~ ", 'DD.MM.YYYY'))",
    'payroll_variable': 'cast(null as numeric(18, 2))',
    'deal_profit': 'cast(null as numeric(18, 2))',
    'corrections_amount':
        'cast(coalesce(corrected.corrections_amount, 0) as numeric(18, 2))',
    'dq_money_at_stake':
        'case when flagged.findings_critical > 0 then deals.revenue_with_expected end',
    'margin_pct': 'cast(null as numeric(9, 4))',
    'payment_status_label': 'payment_statuses.label',
} -%}

{%- set words = {} -%}
{%- for word in clock_words() -%}
    {%- do words.update({word: text(word)}) -%}
{%- endfor -%}
{%- set told = told_by_clock('deals', today(), day_end(), words) -%}
{%- for column in registry_clock_classes() -%}
    {%- do said.update({column: told[column]}) -%}
{%- endfor %}

described as (

    select
        {%- for column in registry_stored_columns() + registry_money_columns()
            + registry_money_words() %}
        {{ said.get(column, 'deals.' ~ column) }} as {{ column }},
        {%- endfor %}
        deals.source_system,
        deals.responsible_key,
        deals.responsible_place_key,
        {%- for column in marked_columns() + marked_money_columns() %}
        coalesce(flagged.{{ column }}_state, 0) as {{ column }}_state{{ ',' if not loop.last }}
        {%- endfor %}

    from deals

    inner join cards
        on deals.deal_key = cards.deal_key

    left join owner_units
        on deals.deal_key = owner_units.deal_key

    left join flagged
        on deals.deal_key = flagged.deal_key

    left join touched
        on deals.deal_key = touched.deal_key

    left join changed
        on deals.deal_key = changed.deal_key

    left join stays
        on deals.deal_key = stays.deal_key

    left join reserved
        on deals.deal_key = reserved.deal_key

    left join owners_now
        on deals.deal_key = owners_now.deal_key

    left join payment_statuses
        on deals.payment_status = payment_statuses.payment_status

    left join locked
        on deals.deal_key = locked.deal_key

    left join corrected
        on deals.deal_key = corrected.deal_key

    left join authors
        on deals.source_system || ':' || cards.modified_by_id = authors.account_key

)

select * from described
