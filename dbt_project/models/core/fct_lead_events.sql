{{ config(meta={'unit': 'lead_key', 'by': {'event_day': day_key('event_date')}}) }}

{# Facts of leads as they are reported: those that are true, but in a locked period those
   that were known when it was locked; the difference is a correction in an open month. #}
{%- set said = [
    'event_type', 'fact_key', 'lead_key', 'deal_key', 'event_date', 'role',
    'employee_key', 'unit_path_key', 'deal_type_label', 'pipeline_label',
    'channel_label', 'channel_group', 'quality', 'is_duplicate', 'is_repeat',
    'is_qualified', 'credit_weight', 'amount', 'whole_amount', 'is_shared',
] -%}

with

corrections as (

    select * from {{ ref('int_corrections__booked') }}
    where is_lead

),

facts as (

    select
        credited.event_key,
        cast(null as date) as correction_of_month,
        cast(null as bigint) as version_pass_id,
        {%- for column in said %}
        credited.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from {{ ref('int_lead_facts__credited') }} as credited

    left join corrections as hidden
        on
            credited.event_type = hidden.event_type
            and credited.fact_key = hidden.fact_key
            and credited.employee_key = hidden.employee_key
            and hidden.placement = 'hidden'

    where hidden.event_key is null

    union all

    select
        event_key,
        correction_of_month,
        version_pass_id,
        {{ said | join(',\n        ') }}

    from corrections

    where placement <> 'hidden'

)

select
    facts.*,
    cast(date_trunc('month', facts.event_date) as date) as event_month,
    {{ placed_columns() }}

from facts

{{ join_places('facts') }}
