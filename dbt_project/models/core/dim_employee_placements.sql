{# First known placement reaches back for ever, later ones begin on the day of the pass
   that saw them, or when a person's decision says. #}
with

versions as (

    select
        account_key,
        source_system,
        version_no,
        org_unit_key,
        {{ business_date('recorded_from') }} as seen_date

    from {{ ref('int_employees__versioned') }}

    where is_present

),

accounts as (

    select * from {{ ref('dim_employee_accounts') }}
    where account_key = placement_key

),

unit_spans as (

    select * from {{ ref('int_org_units__spanned') }}

),

transfers as (

    select * from {{ source('decisions', 'employee_transfers') }}

),

-- A later line for the same person and day takes the place of the earlier one; without a
-- unit it takes the transfer back.
latest_transfers as (

    select distinct on (employee_id, valid_from) *
    from transfers
    order by employee_id asc, valid_from asc, batch_id desc, line desc

),

people as (

    select distinct
        versions.account_key as employee_key,
        versions.source_system

    from versions

    inner join accounts
        on versions.account_key = accounts.account_key

),

decided as (

    select
        people.employee_key,
        people.source_system || ':' || latest_transfers.org_unit_id as org_unit_key,
        latest_transfers.valid_from as from_date

    from people

    inner join latest_transfers
        on
            people.employee_key
            = people.source_system || ':' || latest_transfers.employee_id

    where latest_transfers.org_unit_id is not null

),

daily as (

    select distinct on (versions.account_key, versions.seen_date)
        versions.account_key as employee_key,
        versions.org_unit_key,
        versions.seen_date

    from versions

    inner join people
        on versions.account_key = people.employee_key

    order by
        versions.account_key asc, versions.seen_date asc, versions.version_no desc

),

compared as (

    select
        employee_key,
        org_unit_key,
        seen_date,
        lag(seen_date) over (partition by employee_key order by seen_date) is null
            as is_first,
        lag(org_unit_key) over (partition by employee_key order by seen_date)
            as previous_unit_key

    from daily

),

moves as (

    select
        employee_key,
        org_unit_key,
        seen_date as from_date,
        coalesce(
            lead(seen_date) over (partition by employee_key order by seen_date),
            'infinity'
        ) as until_date,
        is_first

    from compared

    where
        is_first
        or org_unit_key is distinct from previous_unit_key

),

-- A decision that dates a move the CRM showed earlier takes its place.
undated as (

    select moves.*

    from moves

    left join decided
        on
            moves.employee_key = decided.employee_key
            and moves.org_unit_key = decided.org_unit_key
            and moves.from_date < decided.from_date
            and moves.until_date > decided.from_date

    where
        moves.is_first
        or decided.employee_key is null

),

placed as (

    select
        employee_key,
        org_unit_key,
        from_date,
        1 as priority
    from decided

    union all

    select
        employee_key,
        org_unit_key,
        from_date,
        2 as priority
    from undated

),

dated as (

    select distinct on (employee_key, from_date)
        employee_key,
        org_unit_key,
        from_date
    from placed
    order by employee_key asc, from_date asc, priority asc

),

spans as (

    select
        employee_key,
        org_unit_key,
        case
            when
                lag(from_date) over (partition by employee_key order by from_date)
                is null
                then cast('-infinity' as date)
            else from_date
        end as valid_from,
        coalesce(
            lead(from_date) over (partition by employee_key order by from_date),
            'infinity'
        ) as valid_to

    from dated

),

-- A unit is called what it is called today, also in the past.
names as (

    select distinct on (org_unit_key)
        org_unit_key,
        name
    from unit_spans
    order by org_unit_key asc, valid_from desc

),

located as (

    select
        spans.employee_key,
        greatest(spans.valid_from, unit_spans.valid_from) as valid_from,
        least(spans.valid_to, unit_spans.valid_to) as valid_to,
        spans.org_unit_key,
        unit_spans.ancestor_keys,
        unit_spans.group_key,
        groups.name as group_name,
        unit_spans.department_key,
        departments.name as department_name,
        unit_spans.function

    from spans

    inner join unit_spans
        on
            spans.org_unit_key = unit_spans.org_unit_key
            and spans.valid_from < unit_spans.valid_to
            and spans.valid_to > unit_spans.valid_from

    left join names as groups
        on unit_spans.group_key = groups.org_unit_key

    left join names as departments
        on unit_spans.department_key = departments.org_unit_key

),

merged as (

    {{ merged_spans('located', 'employee_key', [
        'org_unit_key', 'ancestor_keys', 'group_key', 'group_name', 'department_key',
        'department_name', 'function',
    ]) }}

)

select
    employee_key || '|' || valid_from as placement_key,
    *,
    cast({{ surrogate_key(['ancestor_keys', 'group_key', 'department_key']) }} as uuid)
        as unit_path_key

from merged
