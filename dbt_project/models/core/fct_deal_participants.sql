{{ config(meta={'unit': 'deal_key'}) }}

{# Who is credited in each role on the date of the role's fact, and who holds it today. A
   row of someone who only holds it today weighs nothing. #}
with

holders as (

    select * from {{ ref('int_deal_holders__spanned') }}

),

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

meetings as (

    select * from {{ ref('fct_meetings') }}

),

roles as (

    select * from {{ ref('roles') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

placements as (

    select * from {{ ref('dim_employee_placements') }}

),

first_meetings as (

    select
        deal_key,
        min(meeting_date) as first_meeting_date
    from meetings
    group by deal_key

),

-- A role's own key moment; the roles without one are credited when the deal ends.
dated as (

    select
        holders.*,
        deals.responsible_place_key,
        case holders.role
            when 'lead_handler' then deals.created_date
            when 'meeting_host' then first_meetings.first_meeting_date
            when 'contract_owner' then deals.contract_signed_date
            when 'advance_owner' then deals.advance_received_date
            else coalesce(deals.closing_date, deals.lost_date)
        end as moment_date

    from holders

    inner join deals
        on holders.deal_key = deals.deal_key

    left join first_meetings
        on
            holders.deal_key = first_meetings.deal_key
            and holders.role = 'meeting_host'

),

judged as (

    select
        deal_key,
        role,
        employee_key,
        responsible_place_key,
        weight,
        total_weight,
        is_current,
        valid_from = '-infinity' and valid_to = 'infinity' as is_only_span,
        case when moment_date <= {{ today() }} then moment_date end as fact_date,
        case
            when moment_date <= {{ today() }}
                then moment_date >= valid_from and moment_date < valid_to
            else is_current
        end as is_credited

    from dated

),

-- One person may stand in two sets of a role that was handed over.
merged as (

    select
        deal_key,
        role,
        employee_key,
        responsible_place_key,
        fact_date,
        bool_or(is_current) as is_current,
        bool_or(is_credited) as is_credited,
        coalesce(sum(weight) filter (where is_credited), 0) as weight

    from judged

    where
        not is_only_span
        and (is_credited or is_current)

    group by deal_key, role, employee_key, responsible_place_key, fact_date

),

chosen as (

    select
        deal_key,
        role,
        employee_key,
        responsible_place_key,
        fact_date,
        is_current,
        is_credited,
        weight,
        sum(weight) over (partition by deal_key, role) as total_weight

    from merged

    union all

    select
        deal_key,
        role,
        employee_key,
        responsible_place_key,
        fact_date,
        is_current,
        is_credited,
        weight,
        total_weight

    from judged

    where
        is_only_span
        and is_credited

),

-- Nobody's fact stays in the unit of the person responsible for the deal.
placed as (

    select
        chosen.*,
        case
            when chosen.employee_key = 'unassigned' then chosen.responsible_place_key
            else chosen.employee_key
        end as place_key

    from chosen

),

described as (

    select
        placed.deal_key || '|' || placed.role || '|' || placed.employee_key
            as participant_key,
        placed.deal_key,
        placed.role,
        roles.family,
        placed.employee_key,
        employees.full_name as employee_name,
        placed.fact_date,
        placed.is_current,
        placed.is_credited,
        placed.weight,
        placed.total_weight,
        cast(
            {{ split_amount(
                '1', 'placed.weight', 'placed.total_weight',
                'placed.deal_key, placed.role', 'placed.employee_key', 10000
            ) }} as numeric(9, 4)
        ) as credit_weight,
        {%- for column in [
            'org_unit_key', 'ancestor_keys', 'group_key', 'group_name',
            'department_key', 'department_name',
        ] %}
        credited.{{ column }},
        today.{{ column }} as current_{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from placed

    inner join roles
        on placed.role = roles.role

    left join employees
        on placed.employee_key = employees.employee_key

    left join placements as credited
        on
            placed.place_key = credited.employee_key
            and coalesce(placed.fact_date, {{ today() }}) >= credited.valid_from
            and coalesce(placed.fact_date, {{ today() }}) < credited.valid_to

    left join placements as today
        on
            placed.place_key = today.employee_key
            and today.valid_from <= {{ today() }}
            and today.valid_to > {{ today() }}

)

select * from described
