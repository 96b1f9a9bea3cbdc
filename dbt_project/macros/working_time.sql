{# Hours of the norm before a moment, counted from the start of the calendar: the days
   before it and the elapsed part of its own, from ten to seven. The difference of two
   such numbers is the working time between two moments. #}
{% macro norm_hours_until(moment, calendar) -%}
    {{ calendar }}.norm_hours_before
    + {{ calendar }}.norm_hours * least(greatest(
        extract(
            epoch from cast({{ moment }} at time zone '{{ var("timezone") }}' as time)
            - cast('10:00' as time)
        ) / 32400,
        0
    ), 1)
{%- endmacro %}

{# The moment of an hour of the norm, given the day that the hour lies in. #}
{% macro moment_of_norm_hour(norm_hour, calendar) -%}
    {{ day_start(calendar ~ '.calendar_date') }}
    + interval '10 hours'
    + interval '9 hours' * ({{ norm_hour }} - {{ calendar }}.norm_hours_before)
    / {{ calendar }}.norm_hours
{%- endmacro %}

{# A time limit in words, with its unit; of an unset one, that it is not set. #}
{% macro limit_text(value, unit) -%}
    case
        when {{ value }} is null then {{ text('limit_missing') }}
        else replace(
            case {{ unit }}
                when 'working_hours' then {{ text('limit_hours') }}
                else {{ text('limit_days') }}
            end,
            '{value}', {{ number_text('round(' ~ value ~ ')', 0) }}
        )
    end
{%- endmacro %}
