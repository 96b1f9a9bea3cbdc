{{ config(meta={
    'unit': 'event_day', 'by': {'event_day': day_key('event_date')}
}) }}

{# Credit «whole»: whoever took part has the whole fact, so rows of one level overlap, and
   the level above counts a fact once. A page shows one level at a time. #}
{%- set labels = ['deal_type_label', 'pipeline_label', 'channel_label'] -%}
{%- set units = [
    'employee_key', 'employee_name', 'group_key', 'group_name', 'department_key',
    'department_name', 'ancestor_keys',
] -%}

with

-- The facts of one person stand for every unit above as they are.
sole as (

    select
        summed.*,
        {{ placed_columns() }}

    from {{ ref('int_facts__summed') }} as summed

    {{ join_places('summed') }}

),

{% for level in levels() -%}
{{ level }}_parts as (

    select
        event_date,
        correction_of_month,
        {{ level_columns(level) }},
        {%- for label in labels %}
        {{ label }},
        {%- endfor %}
        {%- for measure in measures_in('rpt_kpi_daily') %}
        {{ measure.name }}{{ ',' if not loop.last }}
        {%- endfor %}

    from sole
    {%- for fact, columns in daily_facts().items() %}

    union all

    select
        event_date,
        correction_of_month,
        {{ (units + labels) | join(',\n        ') }},
        {{ kpi_parts('rpt_kpi_daily', fact) }}

    from (
        {{ shared_facts(
            ref(fact),
            level,
            ['event_type', 'fact_key', 'event_date', 'correction_of_month',
                'version_pass_id'] + labels + columns
        ) }}
    ) as {{ fact }}

    group by
        event_date,
        correction_of_month,
        {{ (units + labels) | join(',\n        ') }}
    {%- endfor %}

),

{% endfor -%}

grouped as (
    {% for level in levels() %}

    select
        '{{ level }}' as level,
        event_date,
        correction_of_month,
        {%- for column in units %}
        {{ column if column in level_keys(level) else 'min(' ~ column ~ ')' }}
            as {{ column }},
        {%- endfor %}
        {%- for label in labels %}
        {{ label }},
        {%- endfor %}
        {{ kpi_sums('rpt_kpi_daily') }}

    from {{ level }}_parts

    group by
        event_date,
        correction_of_month,
        {{ (level_keys(level) + labels) | join(',\n        ') }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}

),

keyed as (

    select
        {{ surrogate_key([
            'level', 'event_date', 'correction_of_month', 'employee_key',
            'ancestor_keys', 'deal_type_label', 'pipeline_label', 'channel_label',
        ]) }} as kpi_key,
        level,
        event_date,
        cast(date_trunc('month', event_date) as date) as event_month,
        correction_of_month,
        employee_key,
        case
            when level = 'employee' then coalesce(employee_name, {{ text('unassigned') }})
        end as employee_name,
        group_key,
        case
            when level in ('employee', 'group')
                then coalesce(group_name, {{ text('no_group') }})
        end as group_name,
        department_key,
        case
            when level <> 'company'
                then coalesce(department_name, {{ text('no_department') }})
        end as department_name,
        {%- for label in labels %}
        {{ label }},
        {%- endfor %}
        ancestor_keys,
        {%- for measure in measures_in('rpt_kpi_daily') %}
        {{ measure.name }},
        {%- endfor %}
        {{ level_labels('level') }} as level_label,
        {{ whole_reader_keys('ancestor_keys') }} as reader_keys

    from grouped

)

select * from keyed
