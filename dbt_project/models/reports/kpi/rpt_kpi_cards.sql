{%- set measures = measures_in('rpt_kpi_daily') -%}
{%- set stocks = measures_in('rpt_kpi_stock') -%}
{%- set ratios = ratios_over(measures) -%}
{%- set opened = opened_measures() -%}

-- depends_on: {{ ref('currencies') }}

{# One row per period and unit: what the cards and the deviations of «now» show. A card
   compares with days that a period filter would remove, so it has its own table. #}
with

today as (

    select {{ today() }} as today

),

structures as (

    select * from {{ ref('structures') }}

),

labelled as (

    select
        compared.*,
        case
            when compared.period_code in ('month', 'previous_month')
                then replace(replace(replace({{ text('compared_month') }},
                    '{from}', to_char(compared.previous_from, 'FMDD')),
                    '{to}', to_char(compared.previous_to, 'FMDD')),
                    '{month}', months.genitive)
            else replace(replace({{ text('compared_period') }},
                '{from}', to_char(compared.previous_from, 'DD.MM.YYYY')),
                '{to}', to_char(compared.previous_to, 'DD.MM.YYYY'))
        end as compared_label

    from {{ ref('int_periods__compared') }} as compared

    inner join {{ ref('months') }} as months
        on extract(month from compared.previous_from) = months.month

),

units as (

    select
        'company' as unit_key,
        {{ text('company') }} as unit_label,
        0 as unit_level,
        string_to_array('', '/') as ancestor_keys,
        '' as sort_path

    union all

    select
        org_units.org_unit_key as unit_key,
        org_units.name as unit_label,
        case when org_units.org_unit_key = org_units.department_key then 1 else 2 end
            as unit_level,
        org_units.ancestor_keys,
        {{ sort_key('org_units.department_name') }} || '/'
        || coalesce({{ sort_key('org_units.group_name') }}, '') as sort_path

    from {{ ref('dim_org_units') }} as org_units

    where
        org_units.function = 'sales'
        and org_units.org_unit_key
        in (org_units.department_key, org_units.group_key)

),

daily as (

    select
        *,
        cast(date_trunc('month', event_date) as date) as event_month

    from {{ ref('int_kpi_units__summed') }}

    where
        event_date >= least(
            {{ period_start(11) }}, (select min(labelled.previous_from) from labelled)
        )

),

months_back as (

    select
        cast(months.month_start as date) as event_month,
        months.month_start = date_trunc('month', today.today) as is_current

    from today

    cross join lateral generate_series(
        date_trunc('month', today.today) - interval '11 months',
        date_trunc('month', today.today),
        interval '1 month'
    ) as months (month_start)

),

monthly as (

    select
        structures.structure,
        units.unit_key,
        months_back.event_month,
        months_back.is_current,
        {%- for measure in measures %}
        {{ zero_or_null(measure, 'sum(daily.' ~ measure.name ~ ')') }}
            as {{ measure.name }}{{ ',' if not loop.last }}
        {%- endfor %}

    from units

    cross join structures

    cross join months_back

    left join daily
        on
            structures.structure = daily.structure
            and units.unit_key = daily.unit_key
            and months_back.event_month = daily.event_month

    group by
        structures.structure,
        units.unit_key,
        months_back.event_month,
        months_back.is_current

),

monthly_numbers as (

    select
        monthly.structure,
        monthly.unit_key,
        monthly.event_month,
        monthly.is_current,
        numbers.*

    from monthly

    cross join lateral (
        values
        {%- for measure in measures %}
        ('{{ measure.name }}', monthly.{{ measure.name }}){{ ',' if not loop.last or ratios }}
        {%- endfor %}
        {%- for ratio in ratios %}
        (
            '{{ ratio.name }}',
            monthly.{{ ratio.numerator }} / nullif(monthly.{{ ratio.denominator }}, 0)
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as numbers (metric_id, value)

),

scaled as (

    select
        structure,
        unit_key,
        event_month,
        is_current,
        metric_id,
        round(
            100 * greatest(value, 0)
            / nullif(max(value) over (partition by structure, unit_key, metric_id), 0)
        ) as height

    from monthly_numbers

),

trends as (

    select
        structure,
        unit_key,
        metric_id,
        string_agg(
            '<span class="r-bar' || case when is_current then ' r-bar-now' else '' end
            || '" style="height:' || greatest(coalesce(height, 0), 2) || '%"></span>',
            '' order by event_month
        ) as bars

    from scaled

    group by structure, unit_key, metric_id

),

summed as (

    select
        units.unit_key,
        units.unit_label,
        units.unit_level,
        units.ancestor_keys,
        units.sort_path,
        structures.structure,
        structures.structure_order,
        structures.label as structure_label,
        labelled.period_code,
        labelled.period_order,
        labelled.period_label,
        labelled.compared_label,
        labelled.date_from,
        labelled.date_to,
        {%- for measure in measures %}
        {{ zero_or_null(measure, 'sum(daily.' ~ measure.name ~ ') filter (
            where daily.event_date between labelled.date_from and labelled.date_to
        )') }} as {{ measure.name }},
        {{ zero_or_null(measure, 'sum(daily.' ~ measure.name ~ ') filter (
            where daily.event_date between labelled.previous_from and labelled.previous_to
        )') }} as {{ measure.name }}_previous{{ ',' if not loop.last }}
        {%- endfor %}

    from units

    cross join structures

    cross join labelled

    left join daily
        on
            structures.structure = daily.structure
            and units.unit_key = daily.unit_key
            and daily.event_date between labelled.previous_from and labelled.date_to

    group by
        units.unit_key,
        units.unit_label,
        units.unit_level,
        units.ancestor_keys,
        units.sort_path,
        structures.structure,
        structures.structure_order,
        structures.label,
        labelled.period_code,
        labelled.period_order,
        labelled.period_label,
        labelled.compared_label,
        labelled.date_from,
        labelled.date_to

),

held as (

    select
        units.unit_key,
        {%- for stock in stocks %}
        {{ zero_or_null(stock, 'sum(kpi.' ~ stock.name ~ ')') }}
            as {{ stock.name }}{{ ',' if not loop.last }}
        {%- endfor %}

    from units

    left join {{ ref('rpt_kpi_stock') }} as kpi
        on units.unit_key in ('company', kpi.department_key, kpi.group_key)

    group by units.unit_key

),

valued as (

    select
        summed.*,
        -- What the address of a number's records says of the row.
        {{ address_choice('structure_label', 'summed.structure_label') }}
        || ',' || {{ address_period('summed.date_from', 'summed.date_to') }}
        || case summed.unit_level
            when 1
                then ',' || {{ address_choice('department_name', 'summed.unit_label') }}
            when 2 then ',' || {{ address_choice('group_name', 'summed.unit_label') }}
            else ''
        end as opened_filters,
        {%- for ratio in ratios %}
        summed.{{ ratio.numerator }} / nullif(summed.{{ ratio.denominator }}, 0)
            as {{ ratio.name }},
        summed.{{ ratio.numerator }}_previous
        / nullif(summed.{{ ratio.denominator }}_previous, 0) as {{ ratio.name }}_previous,
        {%- endfor %}
        {%- for stock in stocks %}
        held.{{ stock.name }}{{ ',' if not loop.last }}
        {%- endfor %}

    from summed

    inner join held
        on summed.unit_key = held.unit_key

),

{# Every number of a card in one shape: its text is written once for all metrics. #}
numbers as (

    select
        valued.structure,
        valued.period_code,
        valued.unit_key,
        valued.compared_label,
        valued.opened_filters,
        numbers.*,
        trends.bars

    from valued

    cross join lateral (
        values
        {%- for measure in measures + ratios %}
        (
            '{{ measure.name }}', '{{ measure.meta.unit }}', false,
            valued.{{ measure.name }}, valued.{{ measure.name }}_previous
        ){{ ',' if not loop.last or stocks }}
        {%- endfor %}
        {%- for stock in stocks %}
        (
            '{{ stock.name }}', '{{ stock.meta.unit }}', true, valued.{{ stock.name }}, null
        ){{ ',' if not loop.last }}
        {%- endfor %}
    ) as numbers (metric_id, unit_code, is_stock, value, previous)

    left join trends
        on
            valued.structure = trends.structure
            and valued.unit_key = trends.unit_key
            and numbers.metric_id = trends.metric_id

),

card_parts as (

    select
        numbers.*,
        {{ card_head('numbers', 'metrics') }} as head_html,
        {{ card_change('numbers') }} as change_text,
        case
            when metrics.drill = 'rpt_metric_records'
                then ' href="' || {{ escaped(
                    records_address('metrics.metric_label', 'numbers.opened_filters')
                ) }} || '"'
        end as link

    from numbers

    inner join {{ ref('rpt_metrics') }} as metrics
        on numbers.metric_id = metrics.metric_id

),

card_texts as (

    select
        structure,
        period_code,
        unit_key,
        metric_id,
        case when link is null then '<span' else '<a' || link end
        || ' class="r-card" title="' || head_html || case
            when is_stock
                then '<span class="r-card-change">' || {{ text('as_of_today') }} || '</span>'
            else
                '<span class="r-card-change"><span class="r-strong">'
                || coalesce(change_text || '</span> ' || compared_label, '</span>')
                || '</span><span class="r-card-plan">' || {{ text('plan_missing') }}
                || '</span><span class="r-bars">' || bars || '</span>'
        end || case when link is null then '</span>' else '</a>' end as card_html,
        -- Nothing stands behind a zero or a «—».
        '<span class="r-number">' || coalesce(
            case when value <> 0 then '<a class="r-opens"' || link || '>' end
            || {{ cell_text('unit_code', 'value') }} || '</a>',
            {{ cell_text('unit_code', 'value') }},
            chr(8212)
        ) || '</span>' as cell_html

    from card_parts

),

cards as (

    select
        structure,
        period_code,
        unit_key,
        {%- for measure in opened %}
        max(cell_html) filter (where metric_id = '{{ measure.name }}')
            as {{ measure.name }}__cell,
        {%- endfor %}
        {%- for number in measures + ratios + stocks %}
        max(card_html) filter (where metric_id = '{{ number.name }}')
            as {{ number.name }}__card{{ ',' if not loop.last }}
        {%- endfor %}

    from card_texts

    group by structure, period_code, unit_key

),

findings as (

    select
        units.unit_key,
        count(*) as findings_open,
        count(*) filter (where rules.severity = 'critical') as findings_critical

    from {{ ref('fct_findings') }} as findings

    inner join {{ ref('dim_rules') }} as rules
        on findings.rule_id = rules.rule_id

    inner join {{ ref('fct_deals') }} as deals
        on findings.deal_key = deals.deal_key

    inner join units
        on units.unit_key in ('company', deals.department_key, deals.group_key)

    where findings.closed_at is null

    group by units.unit_key

),

-- Else the planner, which expects one card, counts the deals for each of them.
counted as materialized (

    select count(*) as deals
    from {{ ref('fct_deals') }}
    where
        not is_deleted
        and not is_test

),

judged as (

    select
        valued.*,
        coalesce(findings.findings_open, 0) as findings_open,
        coalesce(findings.findings_critical, 0) as findings_critical,
        -- A share of nothing, or of a debt, says nothing.
        case
            when valued.revenue_net_previous > 0
                then round(100 - 100 * valued.revenue_net / valued.revenue_net_previous)
        end as revenue_fall,
        row_number() over (
            partition by valued.period_code, valued.structure
            order by valued.unit_level > 0, valued.sort_path
        ) as unit_order

    from valued

    left join findings
        on valued.unit_key = findings.unit_key

)

select
    valued.period_code || '/' || valued.unit_key || '/' || valued.structure as card_key,
    valued.period_code,
    valued.period_label,
    cast(valued.period_order as smallint) as period_order,
    valued.structure,
    valued.structure_label,
    cast(valued.structure_order as smallint) as structure_order,
    valued.unit_key,
    valued.unit_label,
    cast(valued.unit_level as smallint) as unit_level,
    cast(valued.unit_order as integer) as unit_order,
    '<span class="' || case
        when valued.unit_level = 2 then 'r-indent' else 'r-total'
    end || '">' || {{ escaped('valued.unit_label') }} || '</span>' as unit_html,
    valued.compared_label,
    {%- for measure in measures + ratios %}
    valued.{{ measure.name }},
    valued.{{ measure.name }}_previous,
    cards.{{ measure.name }}__card,
    {%- endfor %}
    {%- for measure in opened %}
    cards.{{ measure.name }}__cell,
    {%- endfor %}
    {%- for stock in stocks %}
    valued.{{ stock.name }},
    cards.{{ stock.name }}__card,
    {%- endfor %}
    cast(valued.findings_critical as integer) as findings_critical,
    case
        when valued.revenue_fall >= 20
            then '<span class="r-high">▲</span> ' || replace(
                {{ text('deviation_revenue') }}, '{percent}', cast(valued.revenue_fall as text)
            )
        when valued.revenue_fall >= 5
            then '<span class="r-medium">◆</span> ' || replace(
                {{ text('deviation_revenue') }}, '{percent}', cast(valued.revenue_fall as text)
            )
        when valued.findings_critical > 0
            then '<span class="r-medium">◆</span> ' || replace(
                {{ text('deviation_findings') }}, '{count}', cast(valued.findings_critical as text)
            )
        else '<span class="r-ok">✓</span> ' || {{ text('deviation_none') }}
    end as deviation_html,
    '<div class="r-strip"><span>' || {{ text('data_as_of') }}
    || ' <span class="r-strong">'
    || to_char({{ pass_time() }} at time zone '{{ var("timezone") }}', 'DD.MM.YYYY HH24:MI')
    || '</span></span><span>' || {{ text('deals_counted') }} || ' <span class="r-strong">'
    || {{ number_text('counted.deals', 0) }} || '</span></span><span>'
    || {{ text('findings_open') }} || ' <span class="r-strong">'
    || {{ number_text('valued.findings_open', 0) }} || '</span></span><span>'
    || {{ text('credited') }} || ' <span class="r-strong">'
    || (
        select lower(modes.label) from {{ ref('credit_modes') }} as modes
        where modes.credit_mode = 'split'
    ) || '</span></span></div>' as freshness_html,
    {{ whole_reader_keys('valued.ancestor_keys') }} as reader_keys

from judged as valued

inner join cards
    on
        valued.structure = cards.structure
        and valued.period_code = cards.period_code
        and valued.unit_key = cards.unit_key

cross join counted
