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

{# Whole calendar months from one date to another, 0 within one month. #}
{% macro months_between(earlier, later) -%}
    cast(
        12 * (extract(year from {{ later }}) - extract(year from {{ earlier }}))
        + extract(month from {{ later }}) - extract(month from {{ earlier }})
        as smallint
    )
{%- endmacro %}
