{{ config(materialized='view', meta={
    'published_as': 'view', 'by': {'deal_key': 'deal_key'}
}) }}

{# The page of readers of whole amounts: every deal under every choice, once per holder of
   the chosen role. A role that nobody holds keeps the deal and its amounts. Today's part
   and that of earlier days are asked apart: a question about one does not read the other. #}
{%- for is_today in [true, false] %}

select
    {{ choice_columns('choices') }},
    choices.credit_mode,
    choices.credit_label,
    choices.credit_order,
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
    coalesce(participants.credit_weight, 1) as credit_weight,
    -- What an amount belongs to: the deal, or one holder's share of it.
    cast(
        hashtextextended(
            case
                when choices.credit_mode = 'whole' then registry.deal_key
                else coalesce(participants.participant_key, registry.deal_key)
            end, 0
        ) as numeric
    ) as money_ordinal,
    {{ day_columns('registry') }},
    registry.is_today,
    {%- for column in registry_columns() + registry_money_words() %}
    registry.{{ column }},
    {%- endfor %}
    {%- for column in registry_money_columns() %}
    case
        when choices.credit_mode = 'whole' then registry.{{ column }}
        when coalesce(participants.credit_weight, 1) = 1 then registry.{{ column }}
        else shares.{{ column }}
    end as {{ column }},
    {%- endfor %}
    {%- for column in registry_states(marked_columns() + marked_money_columns()) %}
    registry.{{ column }},
    {%- endfor %}
    cast(hashtextextended(registry.deal_key, 0) as numeric) as deal_ordinal,
    registry.reader_keys

from {{ ref('rpt_deal_registry_as_of') }} as registry

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

left join {{ ref('rpt_deal_shares' if is_today else 'rpt_share_versions') }} as shares
    on
        participants.participant_key = shares.participant_key
        {%- if is_today %}
        and shares.right_name = 'whole'
        {%- else %}
        and {{ was_known('shares', 'registry.recorded_before') }}
        {%- endif %}
        and choices.credit_mode = 'split'

where
    {{ '' if is_today else 'not ' }}registry.is_today

{%- if is_today %}

union all
{%- endif %}
{%- endfor %}
