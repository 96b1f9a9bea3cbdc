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

{# Money of an item: a user field names its currency itself, the item's own sum has it
   beside, and 0 where nobody entered one. #}
{% macro item_money(source_kind, entity, field) -%}
    {%- set column = mapped(source_kind, entity, field) -%}
    {%- if column == 'source.' ~ adapter.quote('opportunity') -%}
        case
            when
                coalesce(nullif(source.currency_id, ''), '{{ var("reporting_currency") }}')
                = '{{ var("reporting_currency") }}'
                then nullif({{ money(column) }}, 0)
        end
    {%- else -%}
        {{ money(column) }}
    {%- endif -%}
{%- endmacro %}

{# A link to an element of the CRM is a prefix and an id (T422_12, CO_6), or the id. #}
{% macro linked_id(expression) -%}
    nullif(substring(cast({{ expression }} as text) from '([0-9]+)[^0-9]*$'), '0')
{%- endmacro %}

{# A list of a field that may hold one value or several; Bitrix24 writes false where a
   field of several is empty. #}
{% macro listed(expression) -%}
    case jsonb_typeof(to_jsonb({{ expression }}))
        when 'array' then to_jsonb({{ expression }})
        when 'string' then jsonb_build_array({{ expression }})
        when 'number' then jsonb_build_array({{ expression }})
        else '[]'
    end
{%- endmacro %}

{# Texts of a field that may hold several. #}
{% macro text_array(expression) -%}
    case jsonb_typeof(to_jsonb({{ expression }}))
        when 'array'
            then array(select jsonb_array_elements_text(to_jsonb({{ expression }})))
        when 'string' then array[to_jsonb({{ expression }}) #>> '{}']
    end
{%- endmacro %}
