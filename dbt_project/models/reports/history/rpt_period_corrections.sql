{{ config(meta={'by': {'correction_key': 'correction_key'}}) }}

{# One row per correction of a locked period: what a metric of a deal and a person was and
   what it has become; the difference stands in the open month. #}
{%- set facts = {'fct_deal_events': 'not is_lead', 'fct_lead_events': 'is_lead'} -%}
{%- set line = [
    'event_date', 'correction_of_month', 'is_of_correction', 'deal_key', 'lead_key',
    'employee_key', 'unit_path_key',
] -%}

with

corrections as (

    select * from {{ ref('int_corrections__booked') }}
    where placement = 'correction'

),

{% for fact, condition in facts.items() -%}
{{ fact }} as (

    select
        {{ line | join(',\n        ') }},
        credit_weight < 0 as is_taken_back,
        max(corrected_at) as corrected_at,
        {{ kpi_parts('rpt_kpi_daily', fact) }}

    from corrections

    where {{ condition }}

    group by {{ line | join(', ') }}, credit_weight < 0

),

{% endfor -%}

together as (
    {% for fact in facts %}

    select * from {{ fact }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}

),

compared as (

    select
        {%- for column in line %}
        together.{{ column }},
        {%- endfor %}
        told.metric,
        max(together.corrected_at) as corrected_at,
        coalesce(-sum(told.measured) filter (where together.is_taken_back), 0)
            as original_value,
        coalesce(sum(told.measured) filter (where not together.is_taken_back), 0)
            as new_value

    from together

    {{ measures_as_rows('together', 'rpt_kpi_daily') }}

    where told.measured <> 0

    group by
        {%- for column in line %}
        together.{{ column }},
        {%- endfor %}
        told.metric

),

differing as (

    select
        *,
        new_value - original_value as difference,
        sum(new_value - original_value) over (
            partition by
                event_date, correction_of_month, is_of_correction, deal_key, lead_key,
                metric
        ) as whole_difference

    from compared

    where new_value <> original_value

),

deals as (

    select * from {{ ref('fct_deals') }}

),

-- Whoever wrote the card last before the correction became known.
authors as (

    select distinct on (differing.deal_key, differing.corrected_at)
        differing.deal_key,
        differing.corrected_at,
        employees.full_name as author_name

    from (
        select distinct
            deal_key,
            corrected_at
        from differing
    ) as differing

    inner join {{ ref('int_deals__versioned') }} as versions
        on
            differing.deal_key = versions.deal_key
            and differing.corrected_at >= versions.recorded_from
            and versions.is_present

    left join {{ ref('dim_employee_accounts') }} as accounts
        on versions.modified_by_account_key = accounts.account_key

    left join {{ ref('dim_employees') }} as employees
        on accounts.employee_key = employees.employee_key

    order by
        differing.deal_key asc, differing.corrected_at asc, versions.version_no desc

),

explained as (

    select
        {{ surrogate_key([
            'differing.event_date', 'differing.correction_of_month',
            'differing.is_of_correction', 'differing.deal_key', 'differing.lead_key', 'differing.employee_key',
            'differing.unit_path_key', 'differing.metric',
        ]) }} as correction_key,
        differing.event_date,
        cast(date_trunc('month', differing.event_date) as date) as event_month,
        differing.correction_of_month,
        differing.metric as metric_id,
        metrics.metric_label,
        metrics.unit_name,
        differing.deal_key,
        differing.lead_key,
        deals.deal_number,
        {{ card_link('deals.card_url', 'deals.deal_number') }} as deal_number_html,
        differing.employee_key,
        coalesce(employees.full_name, {{ text('unassigned') }}) as employee_name,
        places.group_key,
        coalesce(places.group_name, {{ text('no_group') }}) as group_name,
        places.department_key,
        coalesce(places.department_name, {{ text('no_department') }}) as department_name,
        differing.original_value,
        differing.new_value,
        differing.difference,
        case
            when differing.is_of_correction then {{ text('corrected_reopened') }}
            when differing.whole_difference = 0 then {{ text('corrected_credit') }}
            when deals.is_deleted then {{ text('corrected_deleted') }}
            when differing.new_value = 0 and deals.loss_depth = 'after_closing'
                then {{ text('corrected_rescinded') }}
            when differing.new_value = 0 then {{ text('corrected_withdrawn') }}
            when differing.original_value = 0 then {{ text('corrected_late') }}
            else {{ text('corrected_amount') }}
        end as correction_reason,
        authors.author_name,
        differing.corrected_at,
        -- The latest day first.
        {{ latest_first('differing.event_date') }} as correction_order,
        {{ money_reader_keys('differing.employee_key', 'places.ancestor_keys') }}
            as reader_keys

    from differing

    {{ join_places('differing') }}

    left join {{ ref('rpt_metrics') }} as metrics
        on differing.metric = metrics.metric_id

    left join deals
        on differing.deal_key = deals.deal_key

    left join authors
        on
            differing.deal_key = authors.deal_key
            and differing.corrected_at = authors.corrected_at

)

select * from explained
