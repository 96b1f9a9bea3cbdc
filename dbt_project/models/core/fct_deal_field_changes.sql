{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# Changes from both sources of fact: exact ones where the CRM tells each move, differences
   between loads for all else. #}
with

fields as (

    select * from {{ ref('int_deal_fields__changed') }}

),

moves as (

    select * from {{ ref('int_deal_moves__listed') }}

)

select
    change_key,
    deal_key,
    is_inherited,
    field,
    old_value,
    new_value,
    changed_at_lower,
    changed_at_upper,
    change_date,
    author_key,
    source_of_fact,
    precision,
    old_date,
    new_date,
    shift_days,
    is_across_month,
    moved_revenue,
    is_late,
    is_reason_missing

from fields

union all

select
    change_key,
    deal_key,
    is_inherited,
    field,
    old_value,
    new_value,
    changed_at_lower,
    changed_at_upper,
    change_date,
    'unassigned' as author_key,
    source_of_fact,
    precision,
    cast(null as date) as old_date,
    cast(null as date) as new_date,
    cast(null as integer) as shift_days,
    cast(null as boolean) as is_across_month,
    cast(null as numeric) as moved_revenue,
    cast(null as boolean) as is_late,
    cast(null as boolean) as is_reason_missing

from moves
