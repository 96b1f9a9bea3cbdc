{# Credit «whole»: whoever took part has the whole fact, so rows of one level overlap, and
   the level above counts a fact once. A page shows one level at a time. #}
{#- Semantic models whose facts contribute, with the fact of each and the columns its
    metrics look at. -#}
{%- set facts = {
    'deal_events': ['fct_deal_events', ['detail']],
    'lead_events': [
        'fct_lead_events', ['quality', 'is_duplicate', 'is_repeat', 'is_qualified'],
    ],
} -%}
{%- set dimensions = [
    'level', 'event_date', 'event_month', 'employee_key', 'employee_name', 'group_key',
    'group_name', 'department_key', 'department_name', 'deal_type_label',
    'pipeline_label', 'channel_label', 'ancestor_keys',
] -%}

with

{% for semantic_model, (fact, columns) in facts.items() -%}
{{ semantic_model }}_facts as (

    select * from {{ ref(fact) }}

),

{{ semantic_model }}_levelled as (
    {{ facts_by_level(semantic_model ~ '_facts', [
        'event_type', 'fact_key', 'event_date', 'event_month', 'deal_type_label',
        'pipeline_label', 'channel_label',
    ] + columns) }}

),

{{ semantic_model }} as (

    select
        {{ dimensions | join(',\n        ') }},
        {{ kpi_columns('rpt_kpi_daily', semantic_model) }}

    from {{ semantic_model }}_levelled

    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13

),

{% endfor -%}

together as (
    {% for semantic_model in facts %}

    select * from {{ semantic_model }}
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

    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13

),

keyed as (

    select
        {{ surrogate_key([
            'level', 'event_date', 'employee_key', 'ancestor_keys', 'deal_type_label',
            'pipeline_label', 'channel_label',
        ]) }} as kpi_key,
        *,
        {{ level_labels('level') }} as level_label,
        {{ whole_reader_keys('ancestor_keys') }} as reader_keys

    from grouped

)

select * from keyed
