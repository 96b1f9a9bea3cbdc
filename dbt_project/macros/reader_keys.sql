{# Who may read a row of money credited to one employee: whole money of the units above,
   the own share of the units above and of the employee. #}
{% macro money_reader_keys(employee_key, ancestor_keys) -%}
    array['whole/company', 'split/employee:' || {{ employee_key }}]
    || coalesce(
        (
            select array_agg(rights.right_name || '/sales:' || units.org_unit_key)
            from unnest({{ ancestor_keys }}) as units (org_unit_key)
            cross join (values ('whole'), ('split')) as rights (right_name)
        ),
        '{}'
    )
{%- endmacro %}

{# Who may read a row of whole money of a unit: the company, the units above and itself. #}
{% macro whole_reader_keys(ancestor_keys) -%}
    array['whole/company'] || coalesce(
        (
            select array_agg('whole/sales:' || units.org_unit_key)
            from unnest({{ ancestor_keys }}) as units (org_unit_key)
        ),
        '{}'
    )
{%- endmacro %}

{# Who may read a fact without money: the company, the units above in the family of its
   role, and the person. #}
{% macro fact_reader_keys(family, employee_key, ancestor_keys) -%}
    array_remove(array['rows/company', 'rows/employee:' || {{ employee_key }}], null)
    || coalesce(
        (
            select array_agg('rows/' || {{ family }} || ':' || units.org_unit_key)
            from unnest({{ ancestor_keys }}) as units (org_unit_key)
        ),
        '{}'
    )
{%- endmacro %}

{# One row, for what names no deal and no person: whoever reads anything may read it. #}
{% macro keys_of_everyone() -%}
    select array_agg(distinct key order by key) as reader_keys
    from {{ ref('user_scopes') }}
{%- endmacro %}
