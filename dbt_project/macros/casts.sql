{# Bitrix24 writes money of a user field as "4350000.00|RUB". Nothing is converted without
   a rate: an amount in another currency than the firm's is unknown. #}
{% macro money(expression) -%}
    case
        when
            split_part(cast({{ expression }} as text), '|', 2)
            in ('', '{{ var("reporting_currency") }}')
            then cast(
                nullif(split_part(cast({{ expression }} as text), '|', 1), '')
                as numeric(18, 2)
            )
    end
{%- endmacro %}

{# A date field may come as a datetime at midnight; its first ten characters are the date. #}
{% macro source_date(expression) -%}
    cast(nullif(left(cast({{ expression }} as text), 10), '') as date)
{%- endmacro %}

{% macro source_time(expression) -%}
    cast(nullif(cast({{ expression }} as text), '') as timestamptz)
{%- endmacro %}

{# Text with an empty string read as "not filled". #}
{% macro filled(expression) -%}
    nullif(btrim(cast({{ expression }} as text)), '')
{%- endmacro %}

{# A link of Bitrix24: "0" and "" mean that there is none. #}
{% macro source_link(expression) -%}
    nullif(nullif(btrim(cast({{ expression }} as text)), ''), '0')
{%- endmacro %}

{% macro source_flag(expression) -%}
    coalesce(cast({{ expression }} as text) in ('Y', '1', 'true'), false)
{%- endmacro %}
