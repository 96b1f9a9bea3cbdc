{# A number as Russian text: groups by a no-break space, a decimal comma. #}
{% macro number_text(expression, digits) -%}
    translate(
        to_char({{ expression }}, 'FM999,999,999,990{{ '.' ~ '0' * digits if digits }}'),
        ',.', chr(160) || ','
    )
{%- endmacro %}

{# The same with its sign always there; a minus is the real one. #}
{% macro signed_text(expression, digits) -%}
    case when {{ expression }} < 0 then chr(8722) else '+' end
    || {{ number_text('abs(' ~ expression ~ ')', digits) }}
{%- endmacro %}

{# A literal of Jinja text inside SQL, ready for HTML. #}
{% macro html_literal(value) -%}
    '{{ (value | string | e).replace("'", "''") }}'
{%- endmacro %}

{# Zero means that nothing happened; null, that no source can say. #}
{% macro zero_or_null(measure, expression) -%}
    {{ 'coalesce(' ~ expression ~ ', 0)' if is_computable(measure) else 'cast(null as numeric)' }}
{%- endmacro %}

{# How a value of a unit is printed on a card: divisor, digits and word. #}
{% macro card_unit(meta) -%}
    {{ return({
        'money': {'scale': ' / 1000000', 'digits': 2},
        'percent': {'scale': ' * 100', 'digits': 1},
        'share': {'scale': '', 'digits': 2},
    }.get(meta.unit, {'scale': '', 'digits': 0})) }}
{%- endmacro %}

{# The head of a card: what the number means, its label, the value of today or «—». #}
{% macro card_head(measure) -%}
    {%- set meta = measure.meta -%}
    {%- set printed = card_unit(meta) -%}
    '<span class="r-card" title="'
    || replace(replace(replace(replace({{ text('card_title') }},
        '{description}', {{ html_literal(measure.description) }}),
        '{formula}', {{ html_literal(meta.formula) }}),
        '{date}', {{ html_literal(meta.date) }}),
        '{owner}', {{ html_literal(meta.owner) }})
    || coalesce('. ' || {{ escaped(
        '(select metrics.state_reason from ' ~ ref('rpt_metrics')
        ~ " as metrics where metrics.metric_id = '" ~ measure.name ~ "')"
    ) }}, '')
    || '"><span class="r-card-label">' || {{ html_literal(measure.label) }}
    || '</span><span class="r-card-value">'
    || coalesce(
        {{ number_text('valued.' ~ measure.name ~ printed.scale, printed.digits) }}
        || '<span class="r-card-unit">'
        {%- if meta.unit == 'money' %}
        || replace({{ text('million') }}, '{currency}', {{ currency_sign() }})
        {%- else %}
        || (
            select words.label from {{ ref('dictionary_words') }} as words
            where words.kind = 'unit' and words.code = '{{ meta.unit }}'
        )
        {%- endif %}
        || '</span>', chr(8212)
    ) || '</span>'
{%- endmacro %}

{# The text of a KPI card, generated from its block. #}
{% macro card_html(measure) -%}
    {%- set printed = card_unit(measure.meta) -%}
    {%- set now, before = 'valued.' ~ measure.name, 'valued.' ~ measure.name ~ '_previous' -%}
    {{ card_head(measure) }}
    || '<span class="r-card-change"><span class="r-strong">'
    || coalesce(
        case
            {%- if measure.meta.unit == 'percent' %}
            when true
                then {{ signed_text('100 * (' ~ now ~ ' - ' ~ before ~ ')', 1) }}
                || chr(160) || {{ text('points_change') }}
            {%- else %}
            -- Below twenty units a percent says more than is known.
            when abs(coalesce({{ before }}, 0)) < 20
                then {{ signed_text(
                    '(' ~ now ~ ' - ' ~ before ~ ')' ~ printed.scale, printed.digits
                ) }}
            else {{ signed_text(
                '100 * (' ~ now ~ ' - ' ~ before ~ ') / ' ~ before, 1
            ) }} || chr(160) || '%'
            {%- endif %}
        end
        || '</span> ' || valued.compared_label, '</span>'
    )
    || '</span><span class="r-card-plan">' || {{ text('plan_missing') }}
    || '</span><span class="r-bars">' || trends.{{ measure.name }}_bars || '</span></span>'
{%- endmacro %}

{# The card of a stock: what is held today, compared with nothing. #}
{% macro stock_card_html(stock) -%}
    {{ card_head(stock) }}
    || '<span class="r-card-change">' || {{ text('as_of_today') }} || '</span></span>'
{%- endmacro %}

{# The sign of the firm's reporting currency; a currency without one keeps its code. #}
{% macro currency_sign() -%}
    coalesce(
        (
            select currencies.sign from {{ ref('currencies') }} as currencies
            where currencies.currency = '{{ var("reporting_currency") }}'
        ),
        '{{ var("reporting_currency") }}'
    )
{%- endmacro %}
