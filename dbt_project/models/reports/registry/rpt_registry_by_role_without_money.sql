{{ config(materialized='view', meta={
    'published_as': 'view', 'by': {'deal_key': 'deal_key'}
}) }}

{# The page of readers without money: every deal under every choice, once per holder of
   the chosen role. Without amounts there is nothing to credit. #}
{%- for is_today in [true, false] %}

select
    {{ choice_columns('choices') }},
    {{ chosen_month_columns('registry', 'choices') }},
    registry.deal_key || '|' || choices.choice_key || '|'
    || coalesce(participants.employee_key, '')
    {%- if not is_today %} || '|' || registry.as_of_label{% endif %} as registry_key,
    participants.participant_key,
    coalesce(participants.employee_key, 'unassigned') as employee_key,
    coalesce(participants.holder_name, choices.unassigned_label) as holder_name,
    coalesce(participants.holder_group_name, registry.group_name) as holder_group_name,
    coalesce(participants.holder_department_name, registry.department_name)
        as holder_department_name,
    {{ day_columns('registry') }},
    registry.is_today,
    {%- for column in registry_columns() %}
    registry.{{ column }},
    {%- endfor %}
    {%- for column in registry_states(marked_columns()) %}
    registry.{{ column }},
    {%- endfor %}
    cast(hashtextextended(registry.deal_key, 0) as numeric) as deal_ordinal,
    registry.reader_keys

from {{ ref('rpt_deal_registry_as_of_without_money') }} as registry

cross join {{ ref('rpt_registry_choices') }} as choices

left join
    {{ ref('rpt_deal_participants' if is_today else 'rpt_participant_versions') }}
    as participants
    on
        registry.deal_key = participants.deal_key
        and choices.role = participants.role
        {%- if not is_today %}
        and {{ was_known('participants', 'registry.recorded_before') }}
        {%- endif %}

where
    {{ '' if is_today else 'not ' }}registry.is_today
    and choices.credit_mode = 'whole'

{%- if is_today %}

union all
{%- endif %}
{%- endfor %}
