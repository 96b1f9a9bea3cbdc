{{ config(materialized='view', meta={
    'published_as': 'view', 'by': {'deal_key': 'deal_key'}
}) }}

{# A scoped reader has the rows and shares of the own scope, a reader of whole amounts
   everyone's. #}
select
    shares.share_key as registry_key,
    shares.role,
    participants.employee_key,
    participants.holder_name,
    participants.holder_group_name,
    participants.holder_department_name,
    participants.credit_weight,
    {{ day_columns('registry') }},
    registry.is_today,
    {%- for column in registry_columns() %}
    registry.{{ column }},
    {%- endfor %}
    {%- for column in registry_money_columns() + registry_money_words() %}
    shares.{{ column }},
    {%- endfor %}
    {%- for column in marked_columns() %}
    registry.{{ column }}_state,
    {%- endfor %}
    {%- for column in marked_money_columns() %}
    shares.{{ column }}_state,
    {%- endfor %}
    shares.reader_keys

from {{ ref('rpt_deal_shares') }} as shares

inner join {{ ref('rpt_deal_participants') }} as participants
    on shares.participant_key = participants.participant_key

inner join {{ ref('rpt_deal_registry_as_of_without_money') }} as registry
    on
        shares.deal_key = registry.deal_key
        and registry.is_today

where shares.right_name in ('share', 'role')

union all

select
    participants.participant_key || '|whole' as registry_key,
    participants.role,
    participants.employee_key,
    participants.holder_name,
    participants.holder_group_name,
    participants.holder_department_name,
    participants.credit_weight,
    {{ day_columns('registry') }},
    registry.is_today,
    {%- for column in registry_columns() %}
    registry.{{ column }},
    {%- endfor %}
    {%- for column in registry_money_columns() %}
    case when participants.credit_weight = 1 then registry.{{ column }} else shares.{{ column }} end
        as {{ column }},
    {%- endfor %}
    {%- for column in registry_money_words() %}
    registry.{{ column }},
    {%- endfor %}
    {%- for column in marked_columns() + marked_money_columns() %}
    registry.{{ column }}_state,
    {%- endfor %}
    registry.reader_keys

from {{ ref('rpt_deal_registry_as_of') }} as registry

inner join {{ ref('rpt_deal_participants') }} as participants
    on registry.deal_key = participants.deal_key

left join {{ ref('rpt_deal_shares') }} as shares
    on
        participants.participant_key = shares.participant_key
        and shares.right_name = 'whole'

where registry.is_today
