with

absences as (

    select * from {{ ref('int_absences__unioned') }}

),

counted as (

    select
        absences.source_system || ':' || absences.source_id as absence_key,
        {{ employee_key_of('accounts') }} as employee_key,
        absences.kind,
        absences.from_date,
        absences.until_date,
        absences.until_date - absences.from_date + 1 as days

    from absences

    {{ join_accounts('accounts', 'absences.source_system', 'absences.employee_id') }}

    where absences.deleted_at is null

)

select * from counted
