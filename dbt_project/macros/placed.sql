{# Names of the person and the unit of a fact: facts carry the keys, a name is stored
   once. The relation has employee_key and unit_path_key. #}
{% macro placed_columns() -%}
    employees.full_name as employee_name,
    {%- for column in [
        'org_unit_key', 'ancestor_keys', 'group_key', 'group_name', 'department_key',
        'department_name',
    ] %}
        places.{{ column }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{% macro join_places(facts) -%}
    left join {{ ref('dim_employees') }} as employees
        on {{ facts }}.employee_key = employees.employee_key

    left join {{ ref('dim_unit_paths') }} as places
        on {{ facts }}.unit_path_key = places.unit_path_key
{%- endmacro %}
