{{ config(meta={'by': {'kpi_key': 'kpi_key'}}) }}

{# Facts that contribute: each gives the measures of its own metric blocks. #}
{%- set facts = ['fct_stocks', 'fct_lead_stocks'] -%}
{%- set dimensions = [
    'as_of_date', 'employee_key', 'employee_name', 'group_key', 'group_name',
    'department_key', 'department_name', 'deal_type_label', 'pipeline_label',
    'channel_label', 'stage', 'stage_label', 'detail', 'ancestor_keys',
] -%}

with

{% for fact in facts -%}
{{ fact }} as (

    select
        {{ dimensions | join(',\n        ') }},
        {{ kpi_parts('rpt_kpi_stock', fact) }}

    from {{ ref(fact) }}

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

stages as (

    select * from {{ ref('stages') }}

),

grouped as (

    select
        together.as_of_date,
        together.employee_key,
        coalesce(together.employee_name, {{ text('unassigned') }}) as employee_name,
        together.group_key,
        coalesce(together.group_name, {{ text('no_group') }}) as group_name,
        together.department_key,
        coalesce(together.department_name, {{ text('no_department') }}) as department_name,
        together.deal_type_label,
        together.pipeline_label,
        together.channel_label,
        together.stage_label,
        cast(stages.rank as smallint) as stage_rank,
        together.detail,
        together.ancestor_keys,
        {{ kpi_sums('rpt_kpi_stock') }}

    from together

    left join stages
        on together.stage = stages.stage

    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14

),

keyed as (

    select
        {{ surrogate_key([
            'employee_key', 'ancestor_keys', 'deal_type_label', 'pipeline_label',
            'channel_label', 'stage_label', 'detail',
        ]) }} as kpi_key,
        *,
        {{ money_reader_keys('employee_key', 'ancestor_keys') }} as reader_keys

    from grouped

)

select * from keyed
