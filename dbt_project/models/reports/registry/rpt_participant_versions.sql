{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# Who held which role from one load to the next, without amounts. #}
with

versions as (

    {{ ended_versions(ref('int_deal_holders__versioned'), 'participant_key') }}

)

select
    version_key,
    participant_key,
    deal_key,
    recorded_from,
    recorded_to,
    role,
    employee_key,
    employee_name as holder_name,
    group_name as holder_group_name,
    department_name as holder_department_name,
    credit_weight

from versions
