{{ config(meta={'unit': 'deal_key'}) }}

select
    {%- for column in registry_stored_columns() + registry_money_columns()
        + registry_money_words() %}
    {{ stored_column(column) }},
    {%- endfor %}
    {%- for column in marked_columns() + marked_money_columns() %}
    registry.{{ column }}_state,
    {%- endfor %}
    keys.whole_keys as reader_keys

from {{ ref('int_deal_registry__described') }} as registry

inner join {{ ref('int_deals__keyed') }} as keys
    on registry.deal_key = keys.deal_key
