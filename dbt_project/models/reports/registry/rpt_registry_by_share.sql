{{ config(materialized='view', meta={
    'published_as': 'view', 'by': {'deal_key': 'deal_key'}
}) }}

{# The page of scoped readers: every row of a participant under every choice of a date. On
   earlier days the holders and shares are those of the day, who reads them is of today. #}
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
    {{ day_columns('registry') }},
    registry.is_today,
    {%- for column in registry_columns() + registry_money_columns()
        + registry_money_words() %}
    registry.{{ column }},
    {%- endfor %}
    {%- for column in registry_states(marked_columns() + marked_money_columns()) %}
    registry.{{ column }},
    {%- endfor %}
    cast(hashtextextended(registry.deal_key, 0) as numeric) as deal_ordinal,
    registry.reader_keys

from {{ ref('rpt_deal_registry_participants') }} as registry

inner join {{ ref('rpt_registry_choices') }} as choices
    on registry.role = choices.role

where choices.credit_mode = 'split'

union all

select
    {{ choice_columns('choices') }},
    choices.credit_mode,
    choices.credit_label,
    choices.credit_order,
    {{ chosen_month_columns('registry', 'choices') }},
    keys.participant_right_key || '|' || choices.date_code || '|' || registry.as_of_label
        as registry_key,
    participants.employee_key,
    participants.holder_name,
    participants.holder_group_name,
    participants.holder_department_name,
    participants.credit_weight,
    cast(hashtextextended(keys.participant_right_key, 0) as numeric) as money_ordinal,
    {{ day_columns('registry') }},
    registry.is_today,
    {%- for column in registry_columns() %}
    registry.{{ column }},
    {%- endfor %}
    {%- for column in registry_money_columns() + registry_money_words() %}
    case
        when keys.right_name = 'role' or participants.credit_weight = 0 then null
        when participants.credit_weight = 1 then amounts.{{ column }}
        else shares.{{ column }}
    end as {{ column }},
    {%- endfor %}
    {%- for column in registry_states(marked_columns()) %}
    registry.{{ column }},
    {%- endfor %}
    {%- for column in registry_states(marked_money_columns()) %}
    case
        when keys.right_name = 'role' or participants.credit_weight = 0 then 0
        when participants.credit_weight = 1 then amounts.{{ column }}
        else shares.{{ column }}
    end as {{ column }},
    {%- endfor %}
    cast(hashtextextended(registry.deal_key, 0) as numeric) as deal_ordinal,
    keys.reader_keys

from {{ ref('rpt_deal_registry_as_of_without_money') }} as registry

inner join {{ ref('rpt_participant_versions') }} as participants
    on
        registry.deal_key = participants.deal_key
        and {{ was_known('participants', 'registry.recorded_before') }}

inner join {{ ref('rpt_participant_keys') }} as keys
    on participants.participant_key = keys.participant_key

inner join {{ ref('rpt_registry_choices') }} as choices
    on participants.role = choices.role

left join {{ ref('rpt_deal_version_amounts') }} as amounts
    on
        registry.version_key = amounts.version_key
        and {{ was_known('amounts', 'registry.recorded_before') }}

left join {{ ref('rpt_share_versions') }} as shares
    on
        participants.participant_key = shares.participant_key
        and {{ was_known('shares', 'registry.recorded_before') }}

where
    not registry.is_today
    and choices.credit_mode = 'split'
