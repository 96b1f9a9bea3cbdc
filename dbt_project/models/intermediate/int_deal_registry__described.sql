{# One row per deal that counts, with its findings; the editions choose their columns. #}
with

deals as (

    select * from {{ ref('fct_deals') }}
    where
        not is_deleted
        and not is_test

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

described as (

    select
        deals.*,
        '<a class="r-link" target="_blank" href="' || {{ escaped('deals.card_url') }}
        || '">' || {{ escaped('deals.deal_number') }} || '</a>' as deal_number_html,
        deals.as_of_date - deals.created_date as age_days,
        coalesce(flagged.findings_count, 0) as findings_count,
        coalesce(flagged.findings_critical, 0) as findings_critical,
        flagged.findings_text,
        {%- for column in marked_columns() + marked_money_columns() %}
        coalesce(flagged.{{ column }}_state, 0) as {{ column }}_state{{ ',' if not loop.last }}
        {%- endfor %}

    from deals

    left join flagged
        on deals.deal_key = flagged.deal_key

)

select * from described
