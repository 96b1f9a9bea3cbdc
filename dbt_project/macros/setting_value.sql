{# A setting's value on the date of a fact; percent settings hold percent. #}
{% macro setting_value(setting, source_system, date) -%}
    (
        select settings.value
        from {{ ref('dim_settings') }} as settings
        where
            settings.setting = '{{ setting }}'
            and settings.source_system = {{ source_system }}
            and {{ date }} >= settings.valid_from
            and {{ date }} < settings.valid_to
    )
{%- endmacro %}
