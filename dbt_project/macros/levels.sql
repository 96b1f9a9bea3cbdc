{# Levels of an organisation, each with the key of its unit; a fact of several people
   counts once for a unit of a level. #}
{% macro levels() -%}
    {{ return({
        'employee': 'employee_key',
        'group': 'group_key',
        'department': 'department_key',
        'company': none,
    }) }}
{%- endmacro %}

{# Names of a level's unit and of the units above it. #}
{% macro level_columns(level) -%}
    {%- set known = {
        'employee': [
            'employee_key', 'employee_name', 'group_key', 'group_name',
            'department_key', 'department_name',
        ],
        'group': ['group_key', 'group_name', 'department_key', 'department_name'],
        'department': ['department_key', 'department_name'],
        'company': [],
    }[level] -%}
    {%- for column in [
        'employee_key', 'employee_name', 'group_key', 'group_name',
        'department_key', 'department_name',
    ] %}
        {{ column if column in known else 'cast(null as text)' }} as {{ column }},
    {%- endfor %}
        {{ {
            'employee': 'ancestor_keys',
            'group': 'array_remove(array[department_key, group_key], null)',
            'department': 'array_remove(array[department_key], null)',
            'company': "cast('{}' as text[])",
        }[level] }} as ancestor_keys
{%- endmacro %}

{# What tells the units of a level apart; its names follow from them. #}
{% macro level_keys(level) -%}
    {{ return({
        'employee': ['employee_key', 'ancestor_keys'],
        'group': ['group_key', 'department_key'],
        'department': ['department_key'],
        'company': [],
    }[level]) }}
{%- endmacro %}

{# Whoever took part has the whole fact; a correction may take it back. #}
{% macro whole_credit() -%}
    cast(case when credit_weight < 0 then -1 else 1 end as numeric(9, 4))
{%- endmacro %}

{# Facts of several people, once for every unit of a level. #}
{% macro shared_facts(relation, level, columns) %}
    select distinct
        '{{ level }}' as level,
        {{ level_columns(level) }},
        {{ columns | join(',\n        ') }},
        whole_amount as amount,
        {{ whole_credit() }} as credit_weight

    from {{ relation }}

    where is_shared
{%- endmacro %}

{# Facts of one person stand for the unit as they are. #}
{% macro sole_facts(relation, level, columns) %}
    select
        '{{ level }}' as level,
        {{ level_columns(level) }},
        {{ columns | join(',\n        ') }},
        whole_amount as amount,
        {{ whole_credit() }} as credit_weight

    from {{ relation }}

    where not is_shared
{%- endmacro %}

{# Every fact of a relation once for every unit that it is credited to. #}
{% macro facts_by_level(relation, columns) -%}
    {%- for level in levels() %}
    {{ sole_facts(relation, level, columns) }}

    union all
    {{ shared_facts(relation, level, columns) }}
        {%- if not loop.last %}

    union all
        {%- endif %}
    {% endfor %}
{%- endmacro %}

{# Words of a level, from seeds/texts.csv. #}
{% macro level_labels(level) -%}
    case {{ level }}
        {%- for name in levels() %}
        when '{{ name }}' then {{ text('level_' ~ name) }}
        {%- endfor %}
    end
{%- endmacro %}
