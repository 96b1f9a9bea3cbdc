{# The moment the pass reports on: one value for all models, kept by the pass. #}
{% macro pass_time() -%}
    (select clock.pass_time from {{ source('ops', 'clock') }} as clock)
{%- endmacro %}

{# A moment as the firm's own calendar date. #}
{% macro business_date(expression) -%}
    cast({{ expression }} at time zone '{{ var("timezone") }}' as date)
{%- endmacro %}

{# The moment at which a day of the firm begins. #}
{% macro day_start(date) -%}
    cast({{ date }} as timestamp) at time zone '{{ var("timezone") }}'
{%- endmacro %}

{% macro today() -%}
    {{ business_date(pass_time()) }}
{%- endmacro %}

{# The end of the pass's day. Numbers speak of it, so that every pass of a day says the
   same of what did not change. #}
{% macro day_end() -%}
    ({{ day_start(today() ~ ' + 1') }})
{%- endmacro %}

{# Whole calendar months from one date to another, 0 within one month. #}
{% macro months_between(earlier, later) -%}
    cast(
        12 * (extract(year from {{ later }}) - extract(year from {{ earlier }}))
        + extract(month from {{ later }}) - extract(month from {{ earlier }})
        as smallint
    )
{%- endmacro %}

{# The day of the publication before; none before the first. #}
{% macro previous_day() -%}
    (select clock.previous_day from ops.clock as clock)
{%- endmacro %}

{% macro is_another_day() -%}
    {{ previous_day() }} is distinct from {{ today() }}
{%- endmacro %}

{# The last day of a date's month. #}
{% macro month_end(date) -%}
    cast(date_trunc('month', {{ date }}) + interval '1 month - 1 day' as date)
{%- endmacro %}
