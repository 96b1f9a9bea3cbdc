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
