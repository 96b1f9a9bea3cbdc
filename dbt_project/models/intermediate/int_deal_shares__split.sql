{# One row per deal and person of its sale, with the person's share of the money role. #}
with

registry as (

    select * from {{ ref('int_deal_registry__described') }}

),

participants as (

    select * from {{ ref('fct_deal_participants') }}

),

scoped as (

    select * from {{ ref('int_deal_people__scoped') }}

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
            and participants.is_credited

),

-- Everyone who takes part in the sale, and the person the card is assigned to.
people as (

    select distinct
        registry.deal_key,
        scoped.employee_key

    from registry

    inner join scoped
        on
            registry.deal_key = scoped.deal_key
            and scoped.family = 'sales'

),

shared as (

    select
        people.deal_key,
        people.employee_key,
        coalesce(owner_shares.credit_weight, 0) as credit_weight,
        {%- for column in registry_money_columns() %}
        owner_shares.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from people

    left join owner_shares
        on
            people.deal_key = owner_shares.deal_key
            and people.employee_key = owner_shares.employee_key

)

select * from shared
