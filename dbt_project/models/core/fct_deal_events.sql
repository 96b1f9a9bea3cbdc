{{ config(materialized='view', meta={
    'unit': 'deal_key',
    'by': {
        'deal_key': "coalesce(deal_key, fact_key)",
        'event_day': day_key('event_date'),
    },
}) }}

{# Facts of deals as they are reported: those that are true, but in a locked period those
   that were known when it was locked; the difference is a correction in an open month. #}
{%- set said = [
    'fact_key', 'detail', 'deal_key', 'role', 'employee_key', 'unit_path_key',
    'deal_type', 'deal_type_label', 'pipeline_label', 'channel_label', 'credit_weight',
    'amount', 'whole_amount', 'is_shared',
] -%}

with

corrections as (

    select * from {{ ref('int_corrections__booked') }}
    where not is_lead

),

facts as (

    select
        {{ surrogate_key([
            'credited.fact_type', 'credited.fact_key', 'credited.employee_key',
        ]) }} as event_key,
        credited.fact_type as event_type,
        credited.fact_date as event_date,
        cast(null as date) as correction_of_month,
        cast(null as bigint) as version_pass_id,
        {%- for column in said %}
        credited.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from {{ ref('int_facts__credited') }} as credited

    left join corrections as hidden
        on
            credited.fact_type = hidden.event_type
            and credited.fact_key = hidden.fact_key
            and credited.employee_key = hidden.employee_key
            and hidden.placement = 'hidden'

    where
        not credited.is_stock
        and hidden.event_key is null

    union all

    select
        event_key,
        event_type,
        event_date,
        correction_of_month,
        version_pass_id,
        {{ said | join(',\n        ') }}

    from corrections

    where placement <> 'hidden'

)

select
    facts.event_key,
    facts.event_type,
    facts.fact_key,
    facts.detail,
    facts.deal_key,
    facts.event_date,
    cast(date_trunc('month', facts.event_date) as date) as event_month,
    facts.correction_of_month,
    facts.version_pass_id,
    facts.role,
    facts.employee_key,
    facts.unit_path_key,
    {{ placed_columns() }},
    facts.deal_type,
    facts.deal_type_label,
    facts.pipeline_label,
    facts.channel_label,
    facts.credit_weight,
    facts.amount,
    facts.whole_amount,
    facts.is_shared

from facts

{{ join_places('facts') }}
