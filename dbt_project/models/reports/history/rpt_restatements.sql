{{ config(meta={'unit': 'deal_key'}) }}

{# One row per metric of a deal and a person that has changed since its month was over and
   a day: what was known then and what is known now. Months that ended before the first
   publication were never known otherwise. #}
{%- set line = ['event_month', 'deal_key', 'employee_key', 'unit_path_key'] -%}

with

first_publication as (

    select min(publications.data_as_of) as data_as_of
    from {{ source('published', 'publications') }} as publications

),

entries as (

    select
        *,
        cast(date_trunc('month', event_date) as date) as event_month,
        cast(null as date) as correction_of_month,
        recorded_at >= {{ day_start(
            "date_trunc('month', event_date) + interval '1 month 1 day'"
        ) }} as is_late

    from {{ ref('int_facts__recorded') }}

    where
        not is_stock
        and deal_key is not null

),

changed as (

    select distinct
        entries.event_month,
        entries.deal_key

    from entries

    inner join first_publication
        on
            entries.recorded_at > first_publication.data_as_of
            and entries.event_month + interval '1 month 1 day'
            > {{ business_date('first_publication.data_as_of') }}

    where entries.is_late

),

related as (

    select entries.*

    from entries

    inner join changed
        on
            entries.event_month = changed.event_month
            and entries.deal_key = changed.deal_key

),

summed as (

    select
        {{ line | join(',\n        ') }},
        is_late,
        {{ kpi_parts('rpt_kpi_daily', 'fct_deal_events') }}

    from related

    group by {{ line | join(', ') }}, is_late

),

compared as (

    select
        {%- for column in line %}
        summed.{{ column }},
        {%- endfor %}
        told.metric,
        coalesce(sum(told.measured) filter (where not summed.is_late), 0)
            as original_value,
        coalesce(sum(told.measured) filter (where summed.is_late), 0) as difference

    from summed

    {{ measures_as_rows('summed', 'rpt_kpi_daily') }}

    where told.measured <> 0

    group by
        {%- for column in line %}
        summed.{{ column }},
        {%- endfor %}
        told.metric

),

described as (

    select
        {{ surrogate_key([
            'compared.event_month', 'compared.deal_key', 'compared.employee_key',
            'compared.unit_path_key', 'compared.metric',
        ]) }} as restatement_key,
        compared.event_month,
        compared.metric as metric_id,
        metrics.metric_label,
        metrics.unit_name,
        compared.deal_key,
        deals.deal_number,
        {{ card_link('deals.card_url', 'deals.deal_number') }} as deal_number_html,
        compared.employee_key,
        coalesce(employees.full_name, {{ text('unassigned') }}) as employee_name,
        places.group_key,
        coalesce(places.group_name, {{ text('no_group') }}) as group_name,
        places.department_key,
        coalesce(places.department_name, {{ text('no_department') }}) as department_name,
        compared.original_value,
        compared.original_value + compared.difference as new_value,
        compared.difference,
        -abs(compared.difference) as difference_order,
        {{ money_reader_keys('compared.employee_key', 'places.ancestor_keys') }}
            as reader_keys

    from compared

    {{ join_places('compared') }}

    left join {{ ref('rpt_metrics') }} as metrics
        on compared.metric = metrics.metric_id

    left join {{ ref('fct_deals') }} as deals
        on compared.deal_key = deals.deal_key

    where compared.difference <> 0

)

select * from described
