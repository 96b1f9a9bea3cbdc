{{ config(materialized='view', meta={'published_as': 'view'}) }}

{# The page of readers without money: every deal under every choice, once per holder of
   the chosen role. Without amounts there is nothing to credit. #}
select
    {{ choice_columns('choices') }},
    {{ chosen_month_columns('registry', 'choices') }},
    registry.deal_key || '|' || choices.choice_key || '|'
    || coalesce(participants.employee_key, '') as registry_key,
    participants.participant_key,
    coalesce(participants.employee_key, 'unassigned') as employee_key,
    coalesce(participants.holder_name, choices.unassigned_label) as holder_name,
    coalesce(participants.holder_group_name, registry.group_name) as holder_group_name,
    coalesce(participants.holder_department_name, registry.department_name)
        as holder_department_name,
    {%- for column in registry_columns() %}
    {{ named_column(column) }},
    {%- endfor %}
    {%- for column in marked_columns() %}
    registry.{{ column }}_state,
    {%- endfor %}
    cast(hashtextextended(registry.deal_key, 0) as numeric) as deal_ordinal,
    registry.reader_keys

from {{ ref('rpt_deal_registry_without_money') }} as registry

cross join {{ ref('rpt_registry_choices') }} as choices

left join {{ ref('rpt_deal_participants') }} as participants
    on
        registry.deal_key = participants.deal_key
        and choices.role = participants.role

left join {{ ref('rpt_deal_clients') }} as clients
    on registry.deal_key = clients.deal_key

where choices.credit_mode = 'whole'
