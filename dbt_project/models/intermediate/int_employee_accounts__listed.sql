{# One row per login that the firm named in its connection file: whose it is, or shared. #}
select
    cast(null as text) as account_key,
    cast(null as text) as employee_key,
    cast(null as boolean) as is_shared

where false
