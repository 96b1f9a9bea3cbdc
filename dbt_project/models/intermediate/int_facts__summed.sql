{{ config(meta={
    'unit': 'event_day', 'by': {'event_day': day_key('event_date')}
}) }}

{# Measures of the facts that one person holds, a row per fact's model, day, person, unit
   and labels of the deal: what both credits and all levels have in common. Most facts
   have one holder; facts of several are added by whoever reads this. #}
{%- set labels = ['deal_type_label', 'pipeline_label', 'channel_label'] -%}

{% for fact in daily_facts() %}
select
    event_date,
    correction_of_month,
    employee_key,
    unit_path_key,
    {{ labels | join(',\n    ') }},
    {{ kpi_parts('rpt_kpi_daily', fact) | indent(4) }}

from {{ ref(fact) }}

where not is_shared

group by
    event_date,
    correction_of_month,
    employee_key,
    unit_path_key,
    {{ labels | join(',\n    ') }}
    {%- if not loop.last %}

union all
    {%- endif %}
{% endfor %}
