{# One row per deal that counts, with its findings; the editions choose their columns. #}
with

deals as (

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
        string_agg(icon || ' ' || title, '; ' order by severity, rule_id)
            as findings_text,
        {%- for column in marked_columns() + marked_money_columns() %}
        max(cell_state_code) filter (where column_name = '{{ column }}')
            as {{ column }}_state{{ ',' if not loop.last }}
        {%- endfor %}

    from findings

    group by deal_key

),

{# What this model says itself; the rest comes from the deal. #}
{% set described_here = [
    'deal_number_html', 'group_name', 'department_name', 'age_days', 'findings_count',
    'findings_critical', 'findings_text',
] -%}

described as (

    select
        {%- for column in registry_columns() + registry_money_columns()
            if column not in described_here %}
        deals.{{ column }},
        {%- endfor %}
        deals.responsible_key,
        deals.responsible_place_key,
        coalesce(
            '<a class="r-link" target="_blank" href="' || {{ escaped('deals.card_url') }}
            || '">' || {{ escaped('deals.deal_number') }} || '</a>',
            {{ escaped('deals.deal_number') }}
        ) as deal_number_html,
        coalesce(owner_units.group_name, deals.group_name) as group_name,
        coalesce(owner_units.department_name, deals.department_name) as department_name,
        deals.as_of_date - deals.created_date as age_days,
        coalesce(flagged.findings_count, 0) as findings_count,
        coalesce(flagged.findings_critical, 0) as findings_critical,
        flagged.findings_text,
        {%- for column in marked_columns() + marked_money_columns() %}
        coalesce(flagged.{{ column }}_state, 0) as {{ column }}_state{{ ',' if not loop.last }}
        {%- endfor %}

    from deals

    left join owner_units
        on deals.deal_key = owner_units.deal_key

    left join flagged
        on deals.deal_key = flagged.deal_key

)

select * from described
