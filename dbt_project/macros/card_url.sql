{# Address of a record's card in its system; null where the connection has no link. #}
{% macro card_url(entity, source_system, source_id) -%}
    (
        select replace(links.card_url, '{id}', {{ source_id }})
        from {{ source('mapping', 'links') }} as links
        where
            links.entity = '{{ entity }}'
            and links.connection = {{ source_system }}
    )
{%- endmacro %}
