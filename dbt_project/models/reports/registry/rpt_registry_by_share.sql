{{ config(materialized='view', meta={'published_as': 'view'}) }}

{# The page of scoped readers: every row of a participant under every choice of a date. #}
select
    {{ choice_columns('choices') }},
    choices.credit_mode,
    choices.credit_label,
    choices.credit_order,
    {{ chosen_month_columns('registry', 'choices') }},
    registry.registry_key || '|' || choices.date_code as registry_key,
    registry.employee_key,
    registry.holder_name,
    registry.holder_group_name,
    registry.holder_department_name,
    registry.credit_weight,
    cast(hashtextextended(registry.registry_key, 0) as numeric) as money_ordinal,
    {%- for column in registry_columns() + registry_money_columns()
        + registry_money_words() %}
    registry.{{ column }},
    {%- endfor %}
    {%- for column in marked_columns() + marked_money_columns() %}
    registry.{{ column }}_state,
    {%- endfor %}
    cast(hashtextextended(registry.deal_key, 0) as numeric) as deal_ordinal,
    registry.reader_keys

from {{ ref('rpt_deal_registry_participants') }} as registry

inner join {{ ref('rpt_registry_choices') }} as choices
    on registry.role = choices.role

where choices.credit_mode = 'split'
