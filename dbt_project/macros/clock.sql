{# The moment the pass reports on: one value for all models, kept by the pass. #}
{% macro pass_time() -%}
    (select clock.pass_time from {{ source('ops', 'clock') }} as clock)
{%- endmacro %}

{# The pass under way: each has a number of its own, also two of one moment. #}
{% macro pass_id() -%}
    (select max(passes.pass_id) from {{ source('ops', 'passes') }} as passes)
{%- endmacro %}

{# A moment as the firm's own calendar date. #}
{% macro business_date(expression) -%}
    cast({{ expression }} at time zone '{{ var("timezone") }}' as date)
{%- endmacro %}

{# A day as the key of a unit: as a number, which an index can hold whatever way a session
   writes its dates. #}
{% macro day_key(date) -%}
    cast({{ date }} - date '2000-01-01' as text)
{%- endmacro %}

{% macro month_key(date) -%}
    {{ day_key("cast(date_trunc('month', cast(" ~ date ~ " as timestamp)) as date)") }}
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

{# How long something lasts that began at a moment and may have ended at another. #}
{% macro seconds_until(ended_at, began_at) -%}
    extract(epoch from coalesce({{ ended_at }}, {{ day_end() }}) - {{ began_at }})
{%- endmacro %}

{% macro days_until(ended_at, began_at) -%}
    cast({{ seconds_until(ended_at, began_at) }} / 86400 as numeric(18, 2))
{%- endmacro %}

{# What a clock says, each formula once; the clock is a pass or a day that is asked for. #}
{% macro days_since(date, as_of_date) -%}
    {{ as_of_date }} - {{ date }}
{%- endmacro %}

{% macro is_over(deadline, clock) -%}
    {{ deadline }} < {{ clock }}
{%- endmacro %}

{# The nearest of the days that lie ahead. #}
{% macro nearest_of(dates, as_of_date) -%}
    (
        select min(ahead.step_date)
        from unnest({{ dates }}) as ahead (step_date)
        where ahead.step_date >= {{ as_of_date }}
    )
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

{# For meta.clocked: days that have come or ended since the publication before. #}
{% macro has_come_since(date) -%}
    ({{ date }} > {previous_day} and {{ date }} <= {today})
{%- endmacro %}

{% macro has_ended_since(date) -%}
    ({{ date }} >= {previous_day} and {{ date }} < {today})
{%- endmacro %}

{# For meta.clocked: deals that have been quiet for the days of the setting, and all that
   are when the setting gets another value. #}
{% macro has_become_stuck_since(quiet_since, is_stuck) -%}
    (
        not {{ is_stuck }}
        and {{ quiet_since }} <= {today} - (
            select cast(min(settings.value) as integer)
            from dbt_core.dim_settings as settings
            where settings.setting = 'stuck_days'
        )
        or {{ is_stuck }}
        and exists (
            select from dbt_core.dim_settings as settings
            where
                settings.setting = 'stuck_days'
                and {{ has_come_since('settings.valid_from') }}
        )
    )
{%- endmacro %}

{% macro is_another_day() -%}
    {{ previous_day() }} is distinct from {{ today() }}
{%- endmacro %}

{# For meta.clocked: in a new month, what says how many months ago something was. #}
{% macro is_another_month() -%}
    date_trunc('month', {previous_day}) <> date_trunc('month', {today})
{%- endmacro %}

{# The first day of the month that many months ago; of negative months it lies ahead. #}
{% macro period_start(months_ago) -%}
    cast(
        date_trunc('month', {{ today() }})
        - make_interval(months => cast({{ months_ago }} as integer)) as date
    )
{%- endmacro %}

{# The last day of a date's month. #}
{% macro month_end(date) -%}
    cast(date_trunc('month', {{ date }}) + interval '1 month - 1 day' as date)
{%- endmacro %}

{# Orders a list by its days, the latest first. #}
{% macro latest_first(date) -%}
    cast(date '9999-12-31' - {{ date }} as integer)
{%- endmacro %}

{# How a day is chosen on a page: its label, its place in the list, whether it is today. #}
{% macro day_choice_columns(days) -%}
    case
        when {{ days }}.is_today then {{ text('today') }}
        else to_char({{ days }}.as_of_date, 'DD.MM.YYYY')
    end as as_of_label,
    {{ latest_first(days ~ '.as_of_date') }} as as_of_order,
    {{ days }}.is_today
{%- endmacro %}
