{{ config(materialized='view', meta={'published_as': 'view'}) }}

{# KPI of today and, as they were known then, of every day that can be asked for. A constant
   tells the two apart, so that a question about one does not read the other. #}
{%- set told = [
    'event_month', 'correction_of_month', 'months_ago', 'employee_key', 'employee_name',
    'group_key', 'group_name', 'department_key', 'department_name', 'deal_type_label',
    'pipeline_label', 'channel_label',
] + measures_in('rpt_kpi_daily') | map(attribute='name') | list -%}

select
    kpi.kpi_key || '|' || days.as_of_date as kpi_day_key,
    days.as_of_label,
    days.as_of_order,
    {%- for column in told %}
    kpi.{{ column }},
    {%- endfor %}
    kpi.reader_keys

from {{ ref('rpt_kpi_days') }} as days

cross join {{ ref('rpt_kpi_daily') }} as kpi

where days.is_today

union all

select
    kpi.kpi_key || '|' || days.as_of_date as kpi_day_key,
    days.as_of_label,
    days.as_of_order,
    {%- for column in told %}
    kpi.{{ column }},
    {%- endfor %}
    kpi.reader_keys

from {{ ref('rpt_kpi_days') }} as days

inner join {{ ref('rpt_kpi_as_known') }} as kpi
    on days.as_of_date = kpi.as_of_date

where not days.is_today
