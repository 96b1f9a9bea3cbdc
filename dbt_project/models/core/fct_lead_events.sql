{# Facts of leads as they are reported: those that are true, but in a locked period those
   that were known when it was locked; the difference is a correction in an open month. #}
{%- set said = [
    'event_type', 'fact_key', 'lead_key', 'deal_key', 'event_date', 'role',
    'employee_key', 'employee_name', 'org_unit_key', 'ancestor_keys', 'group_key',
    'group_name', 'department_key', 'department_name', 'deal_type_label',
    'pipeline_label', 'channel_label', 'channel_group', 'quality', 'is_duplicate',
    'is_repeat', 'is_qualified', 'credit_weight', 'amount', 'whole_amount', 'is_shared',
] -%}

with

facts as (

    select * from {{ ref('int_lead_facts__credited') }}

),

corrections as (

    select * from {{ ref('int_corrections__booked') }}
    where is_lead

),

hidden as (

    select corrected_event_key from corrections
    where placement = 'hidden'

),

reported as (

    select
        facts.event_key,
        cast(null as date) as correction_of_month,
        cast(null as bigint) as version_pass_id,
        {%- for column in said %}
        facts.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from facts

    left join hidden
        on cast(facts.event_key as uuid) = hidden.corrected_event_key

    where hidden.corrected_event_key is null

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
    *,
    cast(date_trunc('month', event_date) as date) as event_month

from reported
