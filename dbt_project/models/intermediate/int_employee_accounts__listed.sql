{# One row per login that the firm named in its connection file: whose it is, or shared. #}
select
    connection || ':' || account_id as account_key,
    connection || ':' || employee_id as employee_key,
    is_shared

from {{ source('mapping', 'employee_accounts') }}
