{# The raw value of a coded field beside its canonical code: a left join on what the
   connection says of the field's values, as `<field>_codes`. #}
{% macro join_codes(source_kind, entity, field) -%}
    left join {{ ref('stg_' ~ source_kind ~ '__codes') }} as {{ field }}_codes
        on
            {{ field }}_codes.entity = '{{ entity }}'
            and {{ field }}_codes.field = '{{ field }}'
            and {{ field }}_codes.source_value
            = cast({{ mapped(source_kind, entity, field) }} as text)
{%- endmacro %}
