{# The raw column a connection maps to a canonical field, else the source's own one, else
   null. Qualified, because staging joins. #}
{% macro mapped(source_kind, entity, field, default=none, relation='source') -%}
    {%- set column = var(source_kind)['fields'].get(entity, {}).get(field) or default -%}
    {{ relation ~ '.' ~ adapter.quote(column) if column else 'null' }}
{%- endmacro %}

{# Whether a connection gives rows of a canonical entity; known when the project is
   parsed, so it may switch a staging model on and off. #}
{% macro is_given(source_kind, entity) -%}
    {{ return(
        source_kind in var('crm_sources')
        and entity in var(source_kind).get('entities', [])
    ) }}
{%- endmacro %}

{# Whether a connection maps a canonical field of an entity. #}
{% macro is_mapped(source_kind, entity, field) -%}
    {{ return(field in var(source_kind)['fields'].get(entity, {})) }}
{%- endmacro %}

{# The join of records with what the connection's file says of their values: a section of
   the file is a table of the schema mapping, its columns are named as the records'. #}
{% macro join_said(section, records, columns) -%}
    left join {{ source('mapping', section) }} as {{ section }}
        on
            {{ records }}.source_system = {{ section }}.connection
            {%- for column in columns %}
            and {{ records }}.{{ column }} = {{ section }}.{{ column }}
            {%- endfor %}
{%- endmacro %}

{# The channel of records joined with what is said of channels. #}
{% macro channel_columns(records) -%}
    channels.code as channel,
    coalesce(channels.label, {{ records }}.crm_channel) as channel_label,
    channels.channel_group
{%- endmacro %}

{# Whether amounts of records are in the firm's currency. Nothing is converted without a
   rate: a foreign amount is unknown. #}
{% macro is_reporting_currency(records) -%}
    coalesce({{ records }}.currency, connections.reporting_currency)
    = connections.reporting_currency
{%- endmacro %}
