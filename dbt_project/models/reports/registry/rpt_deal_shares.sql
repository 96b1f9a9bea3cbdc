{# What a scope opens for a time opens and closes with the day. #}
{{ config(meta={
    'unit': 'deal_key',
    'clocked': 'exists (select from decisions.scope_exceptions as given where '
        ~ 'given.valid_from > {previous_day} or given.valid_to >= {previous_day})',
}) }}

{# What scoped readers may count of a deal's money. A person reads the own share of the
   money role and takes part in the other roles without it; the units above read every
   share. Readers of whole amounts need only what several people share: the amount of a
   sole holder is the deal's own. Keys that nobody holds are left out, and so are rows
   without keys. #}
with

holders as (

    select * from {{ ref('int_deal_holders__listed') }}

),

shares as (

    select * from {{ ref('int_deal_shares__split') }}

),

scoped as (

    select * from {{ ref('int_deal_people__scoped') }}
    where family = 'sales'

),

readers as (

    select * from {{ ref('user_keys') }}

),

held_keys as (

    select distinct held.key
    from readers
    cross join lateral unnest(readers.keys) as held (key)

),

-- A handful of unit lists stands behind all rows.
places as (

    select distinct unit_keys
    from holders
    union
    select distinct ancestor_keys as unit_keys
    from scoped

),

place_units as (

    select distinct
        places.unit_keys,
        held_keys.key

    from places

    cross join lateral unnest(places.unit_keys) as units (org_unit_key)

    inner join held_keys
        on 'split/sales:' || units.org_unit_key = held_keys.key

),

place_keys as (

    select
        unit_keys,
        array_agg(key order by key) as keys
    from place_units
    group by unit_keys

),

-- By any role a scope sees whoever it sees by one.
person_keys as (

    select
        scoped.deal_key,
        scoped.employee_key,
        array_agg(distinct place_units.key) as keys

    from scoped

    inner join place_units
        on scoped.ancestor_keys = place_units.unit_keys

    group by
        scoped.deal_key,
        scoped.employee_key

),

whole_keys as (

    select
        keyed.deal_key,
        array_agg(held_keys.key order by held_keys.key) as keys

    from {{ ref('int_deals__keyed') }} as keyed

    cross join lateral unnest(keyed.whole_keys) as deal_keys (key)

    inner join held_keys
        on deal_keys.key = held_keys.key

    group by keyed.deal_key

),

opened as (

    select
        holders.*,
        coalesce(place_keys.keys, '{}') as unit_share_keys,
        case
            when holders.role <> 'any' then '{}'
            else coalesce(person_keys.keys, '{}')
        end as unit_role_keys,
        case
            when held_keys.key is null then '{}'
            else array[held_keys.key]
        end as own_keys,
        coalesce(
            case
                when holders.weight not in (0, holders.total_weight)
                    then whole_keys.keys
            end, '{}'
        ) as whole_keys

    from holders

    left join place_keys
        on holders.unit_keys = place_keys.unit_keys

    left join person_keys
        on
            holders.deal_key = person_keys.deal_key
            and holders.employee_key = person_keys.employee_key
            and holders.role = 'any'

    left join held_keys
        on 'split/employee:' || holders.employee_key = held_keys.key

    left join whole_keys
        on holders.deal_key = whole_keys.deal_key

),

granted as (

    select
        participant_key,
        deal_key,
        role,
        money_role,
        employee_key,
        credit_weight,
        unit_share_keys
        || case when money_role = 'deal_owner' then own_keys else '{}' end as share_keys,
        unit_role_keys || own_keys as role_keys,
        whole_keys

    from opened

),

rights as (

    select
        granted.*,
        'share' as right_name,
        granted.share_keys as reader_keys
    from granted

    union all

    select
        granted.*,
        'role' as right_name,
        array(
            select keys.key
            from unnest(granted.role_keys) as keys (key)
            where keys.key <> all(granted.share_keys)
            order by keys.key
        ) as reader_keys
    from granted
    where cardinality(granted.role_keys) > 0

    union all

    select
        granted.*,
        'whole' as right_name,
        granted.whole_keys as reader_keys
    from granted

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
