{{ config(materialized='view') }}

{# One row per term that may still be moved: the start of a meeting to come, the end of a
   reservation in force. author: who answers for it as it is now. #}
with

meetings as (

    select
        'meeting' as term_type,
        source_system,
        source_id,
        deal_source_id,
        responsible_id as author_id,
        planned_start_at as term_at,
        modified_at

    from {{ ref('int_activities__unioned') }}

    where
        activity_type = 'meeting'
        and is_completed is not true
        and planned_start_at is not null
        and deleted_at is null

),

reservations as (

    select
        'reservation' as term_type,
        source_system,
        source_id,
        deal_source_id,
        coalesce(modified_by_id, author_id) as author_id,
        until_at as term_at,
        modified_at

    from {{ ref('int_reservations__unioned') }}

    where
        released_at is null
        and until_at is not null
        and deleted_at is null

),

terms as (

    select * from meetings

    union all

    select * from reservations

),

keyed as (

    select
        term_type || ':' || source_system || ':' || source_id as term_key,
        source_system,
        term_type,
        source_system || ':' || deal_source_id as deal_key,
        source_system || ':' || author_id as author_account_key,
        term_at,
        modified_at

    from terms

)

select * from keyed
