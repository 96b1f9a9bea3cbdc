{{ config(meta={'unit': 'deal_key'}) }}

{# One row per deal and field: how many changes are known, and how many of them exactly. #}
with

changes as (

    select * from {{ ref('fct_deal_field_changes') }}

),

counted as (

    select
        deal_key,
        field,
        count(*) as changes_known,
        count(*) filter (where precision = 'exact') as changes_exact

    from changes

    group by deal_key, field

)

select * from counted
