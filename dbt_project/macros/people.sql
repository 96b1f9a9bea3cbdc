{# The person a fact of a login goes to. The fact's model joins dim_employee_accounts on
   the login's key, source_system || ':' || id of the CRM, and names the alias here. #}
{% macro employee_key_of(accounts) -%}
    coalesce({{ accounts }}.employee_key, 'unassigned')
{%- endmacro %}

{# The join for it: logins of one relation's column. #}
{% macro join_accounts(alias, source_system, login_id) -%}
    left join {{ ref('dim_employee_accounts') }} as {{ alias }}
        on {{ source_system }} || ':' || {{ login_id }} = {{ alias }}.account_key
{%- endmacro %}
