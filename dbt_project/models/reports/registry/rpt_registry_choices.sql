with

role_codes as (

    select
        codes.role,
        codes.role_order

    from (
        values
        {%- for role in role_codes() %}
        ('{{ role }}', {{ loop.index }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as codes (role, role_order)

),

roles as (

    select
        role_codes.role,
        role_codes.role_order,
        coalesce(roles.label, {{ text('any_role') }}) as role_label

    from role_codes

    left join {{ ref('roles') }} as roles
        on role_codes.role = roles.role

),

-- A choice holds no row of a deal: everyone who reads anything may make it.
readers as (

    {{ keys_of_everyone() }}

)

select
    roles.role || '|' || credit_modes.credit_mode || '|' || dates.date_code as choice_key,
    roles.role,
    roles.role_label,
    roles.role_order,
    credit_modes.credit_mode,
    credit_modes.label as credit_label,
    cast(credit_modes.credit_order as integer) as credit_order,
    dates.date_code,
    dates.label as date_label,
    cast(dates.date_order as integer) as date_order,
    {{ text('month_undated') }} as undated_label,
    {{ text('month_future') }} as future_label,
    {{ text('unassigned') }} as unassigned_label,
    readers.reader_keys

from roles

cross join {{ ref('credit_modes') }} as credit_modes

cross join {{ ref('registry_dates') }} as dates

cross join readers
