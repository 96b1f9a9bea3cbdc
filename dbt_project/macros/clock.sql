{# The moment the pass reports on: one value for all models, kept by the pass. #}
{% macro pass_time() -%}
    (select clock.pass_time from {{ source('ops', 'clock') }} as clock)
{%- endmacro %}

{# A moment as the firm's own calendar date. #}
{% macro business_date(expression) -%}
    cast({{ expression }} at time zone '{{ var("timezone") }}' as date)
{%- endmacro %}

{% macro today() -%}
    {{ business_date(pass_time()) }}
{%- endmacro %}
