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

{# Zero means that nothing happened; null, that no source can say. #}
{% macro zero_or_null(measure, expression) -%}
    {{ 'coalesce(' ~ expression ~ ', 0)' if is_computable(measure) else 'cast(null as numeric)' }}
{%- endmacro %}

{# A value as a card prints it in its unit; money in millions. Writes with number_text
   or signed_text. What people share need not be whole: then it is printed as the records
   behind it are. #}
{% macro unit_text(unit_code, expression, macro_name) -%}
    {%- set write = {'number': number_text, 'signed': signed_text}[macro_name] -%}
    case {{ unit_code }}
        when 'money' then {{ write('(' ~ expression ~ ') / 1000000', 2) }}
        when 'percent' then {{ write('100 * (' ~ expression ~ ')', 1) }}
        when 'share' then {{ write(expression, 2) }}
        else case
            when round({{ expression }}, 2) = round({{ expression }})
                then {{ write(expression, 0) }}
            else {{ write(expression, 2) }}
        end
    end
{%- endmacro %}

{# The head of a card: what the number means, its label, the value of today or «—». #}
{% macro card_head(numbers, metrics) -%}
    replace(replace(replace(replace({{ text('card_title') }},
        '{description}', {{ escaped(metrics ~ '.meaning') }}),
        '{formula}', {{ escaped(metrics ~ '.formula') }}),
        '{date}', {{ escaped(metrics ~ '.date_used') }}),
        '{owner}', {{ escaped(metrics ~ '.owner') }})
    || coalesce('. ' || {{ escaped(metrics ~ '.state_reason') }}, '')
    || '"><span class="r-card-label">' || {{ escaped(metrics ~ '.metric_label') }}
    || '</span><span class="r-card-value">'
    || coalesce(
        {{ unit_text(numbers ~ '.unit_code', numbers ~ '.value', 'number') }}
        || '<span class="r-card-unit">' || case {{ numbers }}.unit_code
            when 'money'
                then replace({{ text('million') }}, '{currency}', {{ currency_sign() }})
            else {{ metrics }}.unit_name
        end || '</span>',
        chr(8212)
    ) || '</span>'
{%- endmacro %}

{# A value as a cell of a table prints it; money in thousands, as the head says. #}
{% macro cell_text(unit_code, expression) -%}
    case {{ unit_code }}
        when 'money' then {{ number_text(expression ~ ' / 1000', 0) }}
        else {{ unit_text(unit_code, expression, 'number') }}
    end
{%- endmacro %}

{# How far a number is from that of the compared days; null where one of them is unknown. #}
{% macro card_change(numbers) -%}
    {%- set now, before = numbers ~ '.value', numbers ~ '.previous' -%}
    case
        when {{ numbers }}.unit_code = 'percent'
            then {{ signed_text('100 * (' ~ now ~ ' - ' ~ before ~ ')', 1) }}
            || chr(160) || {{ text('points_change') }}
        -- Below twenty units, or of a debt, a percent says more than is known.
        when coalesce({{ before }}, 0) < 20
            then {{ unit_text(numbers ~ '.unit_code', now ~ ' - ' ~ before, 'signed') }}
        else {{ signed_text('100 * (' ~ now ~ ' - ' ~ before ~ ') / ' ~ before, 1) }}
            || chr(160) || '%'
    end
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
