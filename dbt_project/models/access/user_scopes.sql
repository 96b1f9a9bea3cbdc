with

users as (

    select * from {{ source('mapping', 'access_users') }}

),

access_roles as (

    select * from {{ ref('access_roles') }}

),

employees as (

    select * from {{ ref('dim_employees') }}

),

org_units as (

    select * from {{ ref('dim_org_units') }}

),

-- Decisions are never changed: a later line for the same person, unit and start takes
-- the place of the earlier one, so an exception can be ended.
latest_exceptions as (

    select distinct on (username, org_unit_id, valid_from) *
    from {{ source('decisions', 'scope_exceptions') }}
    order by username asc, org_unit_id asc, valid_from asc, batch_id desc, line desc

),

exceptions as (

    select *
    from latest_exceptions
    where
        valid_from <= {{ today() }}
        and coalesce(valid_to, 'infinity') >= {{ today() }}

),

-- The data team reads through a login of its own, without an employee.
granted as (

    select
        users.username,
        users.role,
        nullif(accounts.employee_key, 'unassigned') as employee_key
    from users
    {{ join_accounts('accounts', 'users.connection', 'users.employee_id') }}

    union all

    select
        'data_team' as username,
        'data_team' as role,
        cast(null as text) as employee_key

),

rights as (

    select
        granted.username,
        granted.employee_key,
        access_roles.right_name,
        access_roles.level,
        access_roles.family

    from granted

    inner join access_roles
        on granted.role = access_roles.role

),

scopes as (

    select
        username,
        right_name || '/company' as key
    from rights
    where level = 'company'

    union all

    select
        rights.username,
        rights.right_name || '/' || rights.family || ':' || org_units.org_unit_key as key
    from rights
    inner join org_units
        on
            rights.family = org_units.function
            and org_units.org_unit_key = org_units.department_key
    where rights.level = 'function'

    union all

    select
        rights.username,
        rights.right_name || '/' || rights.family || ':' || employees.org_unit_key as key
    from rights
    inner join employees
        on rights.employee_key = employees.employee_key
    where
        rights.level = 'unit'
        and employees.org_unit_key is not null

    union all

    select
        username,
        right_name || '/employee:' || employee_key as key
    from rights
    where
        level = 'employee'
        and employee_key is not null

    union all

    -- An exception widens rows and money alike, in the function of the named unit.
    select
        rights.username,
        rights.right_name || '/' || org_units.function || ':' || org_units.org_unit_key
            as key
    from rights
    inner join exceptions
        on rights.username = exceptions.username
    inner join org_units
        on split_part(org_units.org_unit_key, ':', 2) = exceptions.org_unit_id
    where rights.level <> 'company'

    union all

    -- Shares of several scopes are summed for their reader.
    select distinct
        rights.username,
        'split/reader:' || rights.username as key
    from rights
    where rights.right_name = 'split'

)

select distinct
    username,
    key

from scopes
