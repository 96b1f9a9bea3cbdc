-- Rows of the registry are the deals of the union, less test and deleted ones.
with

counted as (

    select
        (select count(*) from {{ ref('rpt_deal_registry') }}) as registry_rows,
        (
            select count(*) from {{ ref('int_deals__unioned') }}
            where
                not is_test
                and deleted_at is null
        ) as deals

)

select *
from counted
where registry_rows <> deals
