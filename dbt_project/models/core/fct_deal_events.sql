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

meetings as (

    select * from {{ ref('fct_meetings') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

meetings_held as (

    select
        'meeting_held' as event_type,
        meetings.meeting_key as fact_key,
        meetings.meeting_date as event_date,
        deals.deal_key,
        meetings.employee_key,
        cast(1 as numeric) as weight,
        cast(1 as numeric) as total_weight,
        cast(null as numeric) as price,
        cast(null as numeric) as commission,
        cast(null as numeric) as revenue_net,
        cast(null as numeric) as advance_amount

    from meetings

    inner join deals
        on meetings.deal_key = deals.deal_key

),

{% set milestones = [
    ('contract_signed', 'contract_signed_date', 'contract_owner', []),
    ('advance_taken', 'advance_received_date', 'advance_owner', ['advance_amount']),
    ('deal_closed', 'recognition_date', 'deal_owner', ['price', 'commission', 'revenue_net']),
    ('deal_lost', 'lost_date', 'deal_owner', []),
] -%}

{% for event_type, date_column, role, amounts in milestones %}
{{ event_type }} as (

    select
        '{{ event_type }}' as event_type,
        deals.deal_key as fact_key,
        deals.{{ date_column }} as event_date,
        deals.deal_key,
        participants.employee_key,
        coalesce(participants.weight, 1) as weight,
        coalesce(participants.total_weight, 1) as total_weight,
        {%- for amount in ['price', 'commission', 'revenue_net', 'advance_amount'] %}
        {{ 'deals.' ~ amount if amount in amounts else 'cast(null as numeric)' }}
            as {{ amount }}{{ ',' if not loop.last }}
        {%- endfor %}

    from deals

    left join participants
        on
            deals.deal_key = participants.deal_key
            and participants.role = '{{ role }}'

    where deals.{{ date_column }} is not null

),

{% endfor -%}

happened as (

    select * from meetings_held
    {%- for event_type, date_column, role, amounts in milestones %}

    union all

    select * from {{ event_type }}
    {%- endfor %}

),

-- A date in the future is a mistake of the card, not a fact that happened.
credited as (

    select
        event_type,
        fact_key,
        event_date,
        deal_key,
        employee_key,
        cast(
            {{ split_amount(
                '1', 'weight', 'total_weight', 'event_type, fact_key',
                'employee_key', 10000
            ) }} as numeric(9, 4)
        ) as credit_weight,
        {%- for amount in ['price', 'commission', 'revenue_net', 'advance_amount'] %}
        cast(
            {{ split_amount(
                amount, 'weight', 'total_weight', 'event_type, fact_key', 'employee_key'
            ) }} as numeric(18, 2)
        ) as {{ amount }}{{ ',' if not loop.last }}
        {%- endfor %}

    from happened

    where event_date <= {{ today() }}

),

-- A fact without a known person stays with the department of the deal.
placed as (

    select
        {{ surrogate_key([
            'credited.event_type', 'credited.fact_key', 'credited.employee_key',
        ]) }} as event_key,
        credited.event_type,
        credited.deal_key,
        credited.event_date,
        cast(date_trunc('month', credited.event_date) as date) as event_month,
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
        credited.credit_weight,
        credited.price,
        credited.commission,
        credited.revenue_net,
        credited.advance_amount

    from credited

    inner join deals
        on credited.deal_key = deals.deal_key

    left join employees
        on credited.employee_key = employees.employee_key

    left join employees as responsible
        on deals.responsible_key = responsible.employee_key

)

select * from placed
