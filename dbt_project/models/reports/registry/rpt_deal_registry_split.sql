with

registry as (

    select * from {{ ref('int_deal_registry__described') }}

),

participants as (

    select * from {{ ref('fct_deal_participants') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

owner_shares as (

    select
        registry.deal_key,
        participants.employee_key,
        participants.credit_weight,
        {%- for column in registry_money_columns() %}
        cast(
            {{ split_amount(
                'registry.' ~ column, 'participants.weight', 'participants.total_weight',
                'registry.deal_key', 'participants.employee_key'
            ) }} as numeric(18, 2)
        ) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from registry

    inner join participants
        on
            registry.deal_key = participants.deal_key
            and participants.role = 'deal_owner'

),

-- Everyone who takes part in the sale, and the person the card is assigned to.
people as (

    select
        participants.deal_key,
        participants.employee_key,
        participants.ancestor_keys

    from participants

    where participants.family = 'sales'

    union

    select
        registry.deal_key,
        employees.employee_key,
        employees.ancestor_keys

    from registry

    inner join employees
        on registry.responsible_key = employees.employee_key

    where employees.function = 'sales'

),

-- A scope is one employee or one org unit: each reader has one row per deal.
scopes as (

    select distinct
        people.deal_key,
        people.employee_key,
        scopes.scope_key

    from people

    cross join lateral (
        select 'split/employee:' || people.employee_key as scope_key

        union all

        select 'split/sales:' || units.org_unit_key as scope_key
        from unnest(people.ancestor_keys) as units (org_unit_key)
    ) as scopes

),

scoped_shares as (

    select
        scopes.deal_key,
        scopes.scope_key,
        coalesce(sum(owner_shares.credit_weight), 0) as credit_weight,
        {%- for column in registry_money_columns() %}
        sum(owner_shares.{{ column }}) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from scopes

    left join owner_shares
        on
            scopes.deal_key = owner_shares.deal_key
            and scopes.employee_key = owner_shares.employee_key

    group by scopes.deal_key, scopes.scope_key

)

select
    scoped_shares.deal_key || '|' || scoped_shares.scope_key as registry_key,
    {%- for column in registry_columns() %}
    registry.{{ column }},
    {%- endfor %}
    scoped_shares.credit_weight,
    {%- for column in registry_money_columns() %}
    scoped_shares.{{ column }},
    {%- endfor %}
    {%- for column in marked_columns() + marked_money_columns() %}
    registry.{{ column }}_state,
    {%- endfor %}
    array[scoped_shares.scope_key] as reader_keys

from scoped_shares

inner join registry
    on scoped_shares.deal_key = registry.deal_key
