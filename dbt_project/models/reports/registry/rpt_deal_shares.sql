{{ config(meta={'unit': 'deal_key', 'clocked': scopes_of_another_day()}) }}

{# What scoped readers may count of a deal's money. Readers of whole amounts need only what
   several people share: the amount of a sole holder is the deal's own. Rows without keys
   are left out. #}
with

holders as (

    select * from {{ ref('int_deal_holders__listed') }}

),

keyed as (

    select * from {{ ref('int_deal_holders__keyed') }}

),

shares as (

    select * from {{ ref('int_deal_shares__split') }}

),

whole_keys as (

    select * from {{ ref('rpt_deal_keys') }}
    where right_name = 'whole'

),

rights as (

    select
        holders.*,
        'share' as right_name,
        keyed.share_keys as reader_keys

    from holders

    inner join keyed
        on holders.participant_key = keyed.participant_key

    union all

    select
        holders.*,
        'role' as right_name,
        keyed.role_keys as reader_keys

    from holders

    inner join keyed
        on holders.participant_key = keyed.participant_key

    union all

    select
        holders.*,
        'whole' as right_name,
        whole_keys.reader_keys

    from holders

    inner join whole_keys
        on holders.deal_key = whole_keys.deal_key

    where holders.weight not in (0, holders.total_weight)

)

select
    rights.participant_key || '|' || rights.right_name as share_key,
    rights.participant_key,
    rights.deal_key,
    rights.role,
    rights.right_name,
    {%- for column in registry_money_columns() %}
    case when rights.right_name <> 'role' then shares.{{ column }} end as {{ column }},
    {%- endfor %}
    {%- for column in registry_money_words() %}
    case when rights.right_name <> 'role' then registry.{{ column }} end as {{ column }},
    {%- endfor %}
    {%- for column in marked_money_columns() %}
    case when rights.right_name <> 'role' then registry.{{ column }}_state else 0 end
        as {{ column }}_state,
    {%- endfor %}
    rights.reader_keys

from rights

inner join {{ ref('int_deal_registry__described') }} as registry
    on rights.deal_key = registry.deal_key

left join shares
    on
        rights.deal_key = shares.deal_key
        and rights.money_role = shares.role
        and rights.employee_key = shares.employee_key
        and rights.credit_weight > 0

where cardinality(rights.reader_keys) > 0
