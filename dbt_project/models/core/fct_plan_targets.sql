with

targets as (

    select * from {{ source('decisions', 'plan_targets') }}

),

batches as (

    select * from {{ source('decisions', 'batches') }}

),

-- Numbers of a CRM stand without their connection; the first system that knows one has it.
employees as (

    select distinct on (source_id)
        source_id,
        employee_key
    from {{ ref('dim_employees') }}
    order by source_id asc, employee_key asc

),

org_units as (

    select distinct on (split_part(org_unit_key, ':', 2))
        split_part(org_unit_key, ':', 2) as source_id,
        org_unit_key
    from {{ ref('dim_org_units') }}
    order by split_part(org_unit_key, ':', 2) asc, org_unit_key asc

),

approved as (

    select
        targets.batch_id,
        targets.line,
        targets.metric,
        case
            when targets.employee_id is not null then 'employee'
            when targets.org_unit_id is not null then 'unit'
            else 'company'
        end as scope,
        coalesce(employees.employee_key, org_units.org_unit_key, 'company') as scope_key,
        employees.employee_key,
        case when targets.employee_id is null then org_units.org_unit_key end
            as org_unit_key,
        cast(date_trunc('month', targets.period) as date) as period_month,
        targets.value,
        targets.reason,
        batches.author as approved_by,
        batches.decided_at as approved_at

    from targets

    inner join batches
        on targets.batch_id = batches.batch_id

    left join employees
        on targets.employee_id = employees.source_id

    left join org_units
        on targets.org_unit_id = org_units.source_id

    -- A unit or a person that no system knows any more has no plan.
    where
        (targets.employee_id is null or employees.employee_key is not null)
        and (
            targets.employee_id is not null
            or targets.org_unit_id is null
            or org_units.org_unit_key is not null
        )

),

numbered as (

    select
        *,
        row_number() over (
            partition by metric, scope_key, period_month
            order by batch_id, line
        ) as version_no,
        row_number() over (
            partition by metric, scope_key, period_month
            order by batch_id desc, line desc
        ) = 1 as is_current

    from approved

)

select
    metric || '|' || scope_key || '|' || period_month || '|' || version_no
        as plan_target_key,
    metric,
    scope,
    scope_key,
    org_unit_key,
    employee_key,
    period_month,
    version_no,
    is_current,
    value,
    reason,
    approved_by,
    approved_at

from numbered
