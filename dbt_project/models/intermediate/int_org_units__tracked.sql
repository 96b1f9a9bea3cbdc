{{ config(materialized='view') }}

{# One row per unit of a CRM, with what the history keeps. #}
select
    source_system || ':' || source_id as org_unit_key,
    source_system,
    name,
    source_system || ':' || parent_id as parent_key,
    source_system || ':' || head_id as head_account_key

from {{ ref('int_org_units__unioned') }}
