{# Credit «whole»: whoever took part has the whole fact, so rows of one level overlap, and
   the level above counts a fact once. A page shows one level at a time. #}
{#- Facts that contribute, with the columns that their metrics look at. -#}
{%- set facts = {
    'fct_deal_events': ['detail'],
    'fct_lead_events': ['quality', 'is_duplicate', 'is_repeat', 'is_qualified'],
} -%}
{%- set dimensions = [
    'level', 'event_date', 'event_month', 'correction_of_month', 'employee_key',
    'employee_name', 'group_key', 'group_name', 'department_key', 'department_name',
    'deal_type_label', 'pipeline_label', 'channel_label', 'ancestor_keys',
] -%}

with

{% for fact, columns in facts.items() -%}
{{ fact }}_rows as (

    select * from {{ ref(fact) }}

),

{{ fact }}_levelled as (
    {{ facts_by_level(fact ~ '_rows', [
        'event_type', 'fact_key', 'event_date', 'event_month', 'correction_of_month',
        'version_pass_id', 'deal_type_label', 'pipeline_label', 'channel_label',
    ] + columns) }}

),

{{ fact }} as (

    select
        {{ dimensions | join(',\n        ') }},
        {{ kpi_columns('rpt_kpi_daily', fact) }}

    from {{ fact }}_levelled

    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14

),

{% endfor -%}

together as (
    {% for fact in facts %}

    select * from {{ fact }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}

),

grouped as (

    select
        level,
        event_date,
        event_month,
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
        deal_type_label,
        pipeline_label,
        channel_label,
        ancestor_keys,
        {{ kpi_sums('rpt_kpi_daily') }}

    from together

    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14

),

keyed as (

    select
        {{ surrogate_key([
            'level', 'event_date', 'correction_of_month', 'employee_key',
            'ancestor_keys', 'deal_type_label', 'pipeline_label', 'channel_label',
        ]) }} as kpi_key,
        *,
        {{ level_labels('level') }} as level_label,
        {{ whole_reader_keys('ancestor_keys') }} as reader_keys

    from grouped

)

select * from keyed
