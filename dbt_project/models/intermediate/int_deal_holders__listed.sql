{{ config(meta={'unit': 'deal_key'}) }}

{# One row per deal that counts, role and holder; the role "any" has one row per deal and
   person, weighed by the money role. Where nobody answers for the money, nobody in
   particular holds it, so that the sums of any role are those of the deals. Units are
   those by which a scope sees the holder: of the fact's date and of today. #}
with

registry as (

    select * from {{ ref('int_deal_registry__described') }}

),

participants as (

    select * from {{ ref('fct_deal_participants') }}
    where is_credited

),

scoped as (

    select * from {{ ref('int_deal_people__scoped') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

held as (

    select
        participants.deal_key,
        participants.role,
        participants.employee_key,
        participants.employee_name,
        participants.credit_weight,
        participants.weight,
        participants.total_weight,
        participants.group_name,
        participants.department_name,
        case
            when participants.family = 'sales'
                then coalesce(participants.ancestor_keys, '{}')
                    || coalesce(participants.current_ancestor_keys, '{}')
            else '{}'
        end as unit_keys

    from registry

    inner join participants
        on registry.deal_key = participants.deal_key

    union all

    select
        registry.deal_key,
        'deal_owner' as role,
        'unassigned' as employee_key,
        cast(null as text) as employee_name,
        cast(1 as numeric(9, 4)) as credit_weight,
        cast(1 as numeric) as weight,
        cast(1 as numeric) as total_weight,
        registry.group_name,
        registry.department_name,
        coalesce(responsible.ancestor_keys, '{}') as unit_keys

    from registry

    left join participants
        on
            registry.deal_key = participants.deal_key
            and participants.role = 'deal_owner'

    left join employees as responsible
        on registry.responsible_place_key = responsible.employee_key

    where participants.deal_key is null

),

-- Of a person's roles the one that has the money tells unit and weight.
told as (

    select distinct on (deal_key, employee_key) *
    from held
    order by
        deal_key asc,
        employee_key asc,
        role <> 'deal_owner' asc,
        role asc

),

-- Whoever takes part today is there too, the person the card is assigned to among them.
people as (

    select
        deal_key,
        employee_key
    from told

    union

    select
        scoped.deal_key,
        scoped.employee_key
    from scoped
    inner join registry
        on scoped.deal_key = registry.deal_key

),

anyone as (

    select
        people.deal_key,
        'any' as role,
        people.employee_key,
        employees.full_name as employee_name,
        coalesce(told.role = 'deal_owner', false) as is_owner,
        told.credit_weight,
        told.weight,
        told.total_weight,
        coalesce(told.group_name, employees.group_name) as group_name,
        coalesce(told.department_name, employees.department_name) as department_name,
        told.unit_keys

    from people

    left join told
        on
            people.deal_key = told.deal_key
            and people.employee_key = told.employee_key

    left join employees
        on people.employee_key = employees.employee_key

),

listed as (

    select
        deal_key,
        role,
        role as money_role,
        employee_key,
        employee_name,
        credit_weight,
        weight,
        total_weight,
        group_name,
        department_name,
        unit_keys

    from held

    union all

    select
        deal_key,
        role,
        'deal_owner' as money_role,
        employee_key,
        employee_name,
        case when is_owner then credit_weight else 0 end as credit_weight,
        case when is_owner then weight else 0 end as weight,
        case when is_owner then total_weight else 1 end as total_weight,
        group_name,
        department_name,
        case when is_owner then unit_keys else '{}' end as unit_keys

    from anyone

)

select
    listed.deal_key || '|' || listed.role || '|' || listed.employee_key
        as participant_key,
    registry.source_system,
    listed.deal_key,
    listed.role,
    listed.money_role,
    listed.employee_key,
    coalesce(listed.employee_name, {{ text('unassigned') }}) as employee_name,
    listed.credit_weight,
    listed.weight,
    listed.total_weight,
    listed.group_name,
    listed.department_name,
    listed.unit_keys

from listed

inner join registry
    on listed.deal_key = registry.deal_key
