{# A phone as "+" and digits (E.164); in Russia it is also written with the leading 8, or
   without the country. Null where the digits are too few or too many for a phone. #}
{% macro phone_number(expression) -%}
    {%- set digits = "regexp_replace(cast(" ~ expression ~ " as text), '\\D', '', 'g')" -%}
    case
        when {{ digits }} ~ '^[78][0-9]{10}$' then '+7' || right({{ digits }}, 10)
        when {{ digits }} ~ '^[0-9]{10}$' then '+7' || {{ digits }}
        when {{ digits }} ~ '^[1-9][0-9]{10,14}$' then '+' || {{ digits }}
    end
{%- endmacro %}

{% macro email_address(expression) -%}
    case
        when {{ expression }} like '%_@_%' then lower(btrim({{ expression }}))
    end
{%- endmacro %}

{# The first value of a multiple field of Bitrix24 that reads as a phone or an e-mail;
   a firm may keep it in a plain text field. #}
{% macro first_contact_detail(column, macro_name) -%}
    {%- set reads = {'phone': phone_number, 'email': email_address}[macro_name] -%}
    (
        select {{ reads('items.item') }}
        from (
            select
                coalesce(listed.item ->> 'VALUE', listed.item #>> '{}') as item,
                listed.position
            from jsonb_array_elements(
                case jsonb_typeof(to_jsonb({{ column }}))
                    when 'array' then to_jsonb({{ column }})
                    when 'string' then jsonb_build_array({{ column }})
                    else '[]'
                end
            ) with ordinality as listed (item, position)
        ) as items
        where {{ reads('items.item') }} is not null
        order by items.position
        limit 1
    )
{%- endmacro %}
