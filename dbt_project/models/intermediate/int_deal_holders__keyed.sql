{{ config(meta={'unit': 'deal_key', 'clocked': scopes_of_another_day()}) }}

{# One row per participant of a deal, former ones too: the keys that readers hold of the
   person's share and of the mere participation. A person reads the own share of the money
   role and takes part in the other roles without it; the units above read every share.
   Who takes part no more, or in a deal that was deleted, keeps the last keys. Keys that
   nobody holds are left out. #}
with

versions as (

    select * from {{ ref('int_deal_holders__versioned') }}
    where is_present

),

last_versions as (

    select
        participant_key,
        max(version_no) as version_no
    from versions
    group by participant_key

),

holders as (

    select versions.*

    from versions

    inner join last_versions
        on
            versions.participant_key = last_versions.participant_key
            and versions.version_no = last_versions.version_no

),

scoped as (

    select * from {{ ref('int_deal_people__scoped') }}
    where family = 'sales'

),

held_keys as (

    select distinct key from {{ ref('user_scopes') }}

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
        end as own_keys

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

),

granted as (

    select
        participant_key,
        deal_key,
        credit_weight,
        unit_share_keys
        || case when money_role = 'deal_owner' then own_keys else '{}' end as share_keys,
        unit_role_keys || own_keys as role_keys

    from opened

),

keyed as (

    select
        participant_key,
        deal_key,
        credit_weight,
        share_keys,
        array(
            select keys.key
            from unnest(role_keys) as keys (key)
            where keys.key <> all(share_keys)
            order by keys.key
        ) as role_keys

    from granted

)

select * from keyed
