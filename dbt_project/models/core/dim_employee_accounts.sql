with

employees as (

    select * from {{ ref('int_employees__unioned') }}

),

listed as (

    select * from {{ ref('int_employee_accounts__listed') }}

),

logins as (

    select source_system || ':' || source_id as account_key
    from employees

    union

    select account_key
    from listed

),

bridged as (

    select
        logins.account_key,
        coalesce(listed.is_shared, false) as is_shared,
        -- Nobody knows who worked under a shared login.
        case
            when listed.is_shared then 'unassigned'
            else coalesce(listed.employee_key, logins.account_key)
        end as employee_key,
        -- The place of a shared login is known all the same.
        case
            when listed.is_shared then logins.account_key
            else coalesce(listed.employee_key, logins.account_key)
        end as placement_key

    from logins

    left join listed
        on logins.account_key = listed.account_key

)

select * from bridged
