{%- set happened = ['int_money__happened', 'int_meetings__happened'] -%}

with

deals as (

    select * from {{ ref('fct_deals') }}
    where
        not is_deleted
        and not is_test

),

participants as (

    select * from {{ ref('fct_deal_participants') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

happened as (
    {% for model in happened %}

    select
        event_type,
        fact_key,
        event_date,
        deal_key,
        role,
        employee_key,
        detail,
        amount

    from {{ ref(model) }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}

),

-- A date in the future is a mistake of the card, not a fact that happened.
counted as (

    select happened.*

    from happened

    inner join deals
        on happened.deal_key = deals.deal_key

    where happened.event_date <= {{ today() }}

),

credited as (

    select
        counted.event_type,
        counted.fact_key,
        counted.event_date,
        counted.deal_key,
        counted.role,
        counted.detail,
        counted.amount,
        coalesce(counted.employee_key, participants.employee_key) as employee_key,
        coalesce(participants.weight, 1) as weight,
        coalesce(participants.total_weight, 1) as total_weight

    from counted

    left join participants
        on
            counted.deal_key = participants.deal_key
            and counted.role = participants.role
            and counted.employee_key is null

),

-- Only a fact of several people is split; most have one.
split as (

    select
        event_type,
        fact_key,
        event_date,
        deal_key,
        role,
        detail,
        employee_key,
        cast(1 as numeric(9, 4)) as credit_weight,
        cast(amount as numeric(18, 2)) as amount,
        cast(amount as numeric(18, 2)) as whole_amount,
        false as is_shared

    from credited

    where weight = total_weight

    union all

    select
        event_type,
        fact_key,
        event_date,
        deal_key,
        role,
        detail,
        employee_key,
        cast(
            {{ split_amount(
                '1', 'weight', 'total_weight', 'event_type, fact_key',
                'employee_key', 10000
            ) }} as numeric(9, 4)
        ) as credit_weight,
        cast(
            {{ split_amount(
                'amount', 'weight', 'total_weight', 'event_type, fact_key', 'employee_key'
            ) }} as numeric(18, 2)
        ) as amount,
        cast(amount as numeric(18, 2)) as whole_amount,
        true as is_shared

    from credited

    where weight <> total_weight

),

-- A fact without a known person stays with the department of the deal.
placed as (

    select
        {{ surrogate_key(['split.event_type', 'split.fact_key', 'split.employee_key']) }}
            as event_key,
        split.event_type,
        split.fact_key,
        split.detail,
        split.deal_key,
        split.event_date,
        cast(date_trunc('month', split.event_date) as date) as event_month,
        split.role,
        coalesce(employees.employee_key, 'unassigned') as employee_key,
        employees.full_name as employee_name,
        {%- for column in [
            'org_unit_key', 'ancestor_keys', 'group_key', 'group_name',
            'department_key', 'department_name',
        ] %}
        case
            when employees.employee_key is not null then employees.{{ column }}
            else responsible.{{ column }}
        end as {{ column }},
        {%- endfor %}
        deals.deal_type,
        deals.deal_type_label,
        deals.pipeline_label,
        deals.channel_label,
        split.credit_weight,
        split.amount,
        split.whole_amount,
        split.is_shared

    from split

    inner join deals
        on split.deal_key = deals.deal_key

    left join employees
        on split.employee_key = employees.employee_key

    left join employees as responsible
        on deals.responsible_key = responsible.employee_key

)

select * from placed
