{{ config(
    materialized='incremental',
    unlogged=false,
    incremental_strategy='delete+insert',
    unique_key='finding_key',
    on_schema_change='fail',
    full_refresh=false,
    meta={'by': {'deal_key': 'deal_key'}},
) }}

{# The life of a finding: opened by the first check that fails, closed by the first that
   does not; a record that fails again opens a new one. #}
with

last_run as (

    select
        run_id,
        is_whole
    from {{ source('checks', 'check_runs') }}
    order by run_id desc
    limit 1

),

failing as (

    select
        check_results.rule_id,
        check_results.record_key as deal_key,
        check_results.column_name

    from {{ source('checks', 'check_results') }} as check_results

    inner join last_run
        on check_results.run_id = last_run.run_id

),

known as (

    {% if is_incremental() -%}
    select
        finding_key,
        rule_id,
        deal_key,
        column_name,
        opened_at

    from {{ this }}

    where
        closed_at is null
        and (
            (select last_run.is_whole from last_run)
            or deal_key in (
                select checked.record_key
                from {{ source('checks', 'checked_records') }} as checked
                inner join last_run
                    on checked.run_id = last_run.run_id
            )
        )
    {%- else -%}
    select
        cast(null as text) as finding_key,
        cast(null as text) as rule_id,
        cast(null as text) as deal_key,
        cast(null as text) as column_name,
        cast(null as timestamptz) as opened_at
    where false
    {%- endif %}

),

lived as (

    select
        coalesce(failing.rule_id, known.rule_id) as rule_id,
        coalesce(failing.deal_key, known.deal_key) as deal_key,
        coalesce(failing.column_name, known.column_name) as column_name,
        coalesce(known.opened_at, {{ pass_time() }}) as opened_at,
        case when failing.rule_id is null then {{ pass_time() }} end as closed_at

    from failing

    full join known
        on
            failing.rule_id = known.rule_id
            and failing.deal_key = known.deal_key
            and failing.column_name = known.column_name

),

keyed as (

    select
        {{ surrogate_key(['rule_id', 'deal_key', 'column_name', 'opened_at']) }}
            as finding_key,
        *

    from lived

)

select * from keyed
