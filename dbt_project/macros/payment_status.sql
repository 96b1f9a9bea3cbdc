{# State of a debt (metrics.md, 6.8): what is due, what was paid after refunds, and what
   ever came in. #}
{% macro payment_status(due, paid, received) -%}
    case
        when {{ paid }} > 0 and {{ paid }} > {{ due }} then 'overpaid'
        when {{ paid }} > 0 and {{ paid }} = {{ due }} then 'paid'
        when {{ paid }} > 0 then 'partially_paid'
        when {{ paid }} = 0 and {{ received }} > 0 then 'refunded'
        else 'not_paid'
    end
{%- endmacro %}

{# How long a debt is past its due date, as a code; null while nothing is due. #}
{% macro ageing(days_overdue) -%}
    case
        when {{ days_overdue }} <= 0 then 'not_due'
        when {{ days_overdue }} <= 30 then 'up_to_30'
        when {{ days_overdue }} <= 60 then 'up_to_60'
        when {{ days_overdue }} <= 90 then 'up_to_90'
        when {{ days_overdue }} > 90 then 'over_90'
    end
{%- endmacro %}
