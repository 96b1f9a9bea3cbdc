{{ config(materialized='view') }}

{# One row per login of a CRM, with what the history keeps. #}
select
    source_system || ':' || source_id as account_key,
    source_system,
    full_name,
    source_system || ':' || org_unit_id as org_unit_key,
    position,
    is_active,
    hired_date,
    dismissed_date

from {{ ref('int_employees__unioned') }}
