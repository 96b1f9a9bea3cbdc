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

{# The text of a KPI card, generated from its measure. #}
{% macro card_html(measure) -%}
    {%- set meta = measure.meta -%}
    {%- set name = measure.name -%}
    {%- set scale = ' / 1000000' if meta.unit == 'money' else '' -%}
    {%- set digits = 2 if meta.unit == 'money' else 0 -%}
    '<span class="r-card" title="'
    || replace(replace(replace(replace({{ text('card_title') }},
        '{description}', {{ html_literal(measure.description) }}),
        '{formula}', {{ html_literal(meta.formula) }}),
        '{date}', {{ html_literal(meta.date) }}),
        '{owner}', {{ html_literal(meta.owner) }})
    || '"><span class="r-card-label">' || {{ html_literal(measure.label) }}
    || '</span><span class="r-card-value">'
    || {{ number_text('valued.' ~ name ~ scale, digits) }}
    || '<span class="r-card-unit">'
    {%- if meta.unit == 'money' %}
    || replace({{ text('million') }}, '{currency}', {{ currency_sign() }})
    {%- else %}
    || {{ text('pieces') }}
    {%- endif %}
    || '</span></span><span class="r-card-change"><span class="r-strong">'
    -- Below twenty units a percent says more than is known.
    || case
        when abs(coalesce(valued.{{ name }}_previous, 0)) < 20
            then {{ signed_text(
                '(valued.' ~ name ~ ' - valued.' ~ name ~ '_previous)' ~ scale, digits
            ) }}
        else {{ signed_text(
            '100 * (valued.' ~ name ~ ' - valued.' ~ name ~ '_previous) / valued.'
            ~ name ~ '_previous', 1
        ) }} || chr(160) || '%'
    end
    || '</span> ' || valued.compared_label
    || '</span><span class="r-card-plan">' || {{ text('plan_missing') }}
    || '</span><span class="r-bars">' || trends.{{ name }}_bars || '</span></span>'
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
