{# How the past of the deals is known: changes whose moment the CRM tells, and those that
   only lie between two loads. #}
with

changes as (

    select * from {{ ref('int_deal_changes__counted') }}

),

first_load as (

    select {{ business_date('min(recorded_from)') }} as first_snapshot_date
    from {{ ref('int_deals__versioned') }}

),

-- No deal is named here: everyone who reads anything may know it.
readers as (

    {{ keys_of_everyone() }}

),

counted as (

    select
        field,
        sum(changes_known) as changes_known,
        sum(changes_exact) as changes_exact

    from changes

    group by field

)

select
    counted.field,
    cast(counted.changes_known as bigint) as changes_known,
    cast(counted.changes_exact as bigint) as changes_exact,
    first_load.first_snapshot_date,
    readers.reader_keys

from counted

cross join first_load

cross join readers
