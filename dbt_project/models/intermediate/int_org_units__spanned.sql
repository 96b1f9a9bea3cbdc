{# One row per org unit and span of days with the same place in the tree: its ancestors,
   and the department and group it belongs to. The first known place reaches back for
   ever; a later one begins on the day of the pass that saw it. #}
with recursive

versions as (

    select
        org_unit_key,
        source_system,
        version_no,
        is_present,
        name,
        parent_key,
        {{ business_date('recorded_from') }} as seen_date

    from {{ ref('int_org_units__versioned') }}

),

functions as (

    select * from {{ source('mapping', 'departments') }}

),

-- What a day ends with is true of the day.
daily as (

    select distinct on (org_unit_key, seen_date) *
    from versions
    order by org_unit_key asc, seen_date asc, version_no desc

),

lived as (

    select
        daily.*,
        case
            when
                lag(daily.seen_date) over (
                    partition by daily.org_unit_key order by daily.seen_date
                ) is null
                then cast('-infinity' as date)
            else daily.seen_date
        end as valid_from,
        coalesce(
            lead(daily.seen_date) over (
                partition by daily.org_unit_key order by daily.seen_date
            ),
            'infinity'
        ) as valid_to

    from daily

),

-- The tree is walked once for each day on which anything in it moved.
starts as (

    select distinct valid_from from lived

),

eras as (

    select
        valid_from,
        coalesce(lead(valid_from) over (order by valid_from), 'infinity') as valid_to

    from starts

),

named as (

    select
        eras.valid_from,
        eras.valid_to,
        lived.org_unit_key,
        lived.parent_key,
        lived.name,
        functions.function

    from eras

    inner join lived
        on
            eras.valid_from >= lived.valid_from
            and eras.valid_from < lived.valid_to
            and lived.is_present

    left join functions
        on
            lived.source_system = functions.connection
            and functions.department_id in (
                substr(lived.org_unit_key, length(lived.source_system) + 2), lived.name
            )

),

walked as (

    select
        named.valid_from,
        named.valid_to,
        named.org_unit_key,
        named.parent_key,
        named.name,
        array[named.org_unit_key] as ancestor_keys,
        named.function,
        case when named.function is not null then named.org_unit_key end
            as department_key,
        case when named.function is not null then named.name end as department_name,
        cast(null as text) as group_key,
        cast(null as text) as group_name

    from named

    left join named as parents
        on
            named.parent_key = parents.org_unit_key
            and named.valid_from = parents.valid_from

    where parents.org_unit_key is null

    union all

    select
        named.valid_from,
        named.valid_to,
        named.org_unit_key,
        named.parent_key,
        named.name,
        walked.ancestor_keys || named.org_unit_key as ancestor_keys,
        coalesce(named.function, walked.function) as function,
        -- A department is the unit whose function the firm named; groups lie below it.
        case
            when named.function is not null then named.org_unit_key
            else walked.department_key
        end as department_key,
        case
            when named.function is not null then named.name
            else walked.department_name
        end as department_name,
        case
            when named.function is not null or walked.department_key is null then null
            else coalesce(walked.group_key, named.org_unit_key)
        end as group_key,
        case
            when named.function is not null or walked.department_key is null then null
            else coalesce(walked.group_name, named.name)
        end as group_name

    from named

    inner join walked
        on
            named.parent_key = walked.org_unit_key
            and named.valid_from = walked.valid_from

    where named.org_unit_key <> all(walked.ancestor_keys)

),

merged as (

    {{ merged_spans('walked', 'org_unit_key', [
        'parent_key', 'name', 'ancestor_keys', 'function', 'department_key',
        'department_name', 'group_key', 'group_name',
    ]) }}

)

select * from merged
