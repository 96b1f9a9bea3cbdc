{{ config(meta={
    'by': {
        'deal_key': 'case when not is_lead then coalesce(deal_key, fact_key) end',
        'lead_key': 'case when is_lead then lead_key end',
        'event_day': day_key('event_date'),
    },
}) }}

{# One row per fact that a locked period shows otherwise than it is true today, in the shape
   of the facts: a fact kept out of its month (placement "hidden"), one that is no more but
   stays ("restored"), and a correction in an open month ("correction"), whose measures may
   be negative. #}
with

corrections as (

    select * from {{ ref('int_corrections__recorded') }}

),

{%- set version = ['event_key', 'version_pass_id', 'booked_date', 'correction_of_month'] %}
{%- set said = [
    'unit_path_key', 'is_lead', 'event_type', 'fact_key', 'deal_key', 'lead_key', 'role',
    'employee_key', 'detail', 'deal_type', 'pipeline_key', 'channel_key', 'is_shared',
    'quality', 'is_duplicate', 'is_repeat', 'is_qualified', 'event_date',
] %}

-- An entry and its reversal, both moved, leave nothing.
netted as (

    select
        {{ (version + said) | join(',\n        ') }},
        sum(credit_weight) as credit_weight,
        sum(amount) as amount,
        sum(whole_amount) as whole_amount,
        sum(case when is_reversal then -factor else factor end) as balance,
        max(recorded_at) as corrected_at

    from corrections

    group by {{ (version + said) | join(', ') }}

),

placed as (

    select
        {{ surrogate_key([
            'netted.event_key', 'netted.version_pass_id', 'netted.booked_date',
            'netted.correction_of_month',
        ]) }} as event_key,
        case
            when netted.correction_of_month is not null then 'correction'
            when netted.balance < 0 then 'hidden'
            else 'restored'
        end as placement,
        netted.is_lead,
        netted.event_type,
        netted.fact_key,
        netted.booked_date as event_date,
        netted.correction_of_month,
        -- What a locked month had corrected is corrected: the fact is of another month.
        netted.correction_of_month <> date_trunc('month', netted.event_date)
            as is_of_correction,
        netted.version_pass_id,
        netted.corrected_at,
        netted.deal_key,
        netted.lead_key,
        netted.role,
        netted.detail,
        netted.employee_key,
        nullif(netted.unit_path_key, {{ no_unit_path() }}) as unit_path_key,
        netted.deal_type,
        {{ entry_labels('netted') }},
        channels.channel_group,
        netted.quality,
        netted.is_duplicate,
        netted.is_repeat,
        netted.is_qualified,
        cast(netted.credit_weight as numeric(9, 4)) as credit_weight,
        cast(netted.amount as numeric(18, 2)) as amount,
        cast(netted.whole_amount as numeric(18, 2)) as whole_amount,
        netted.is_shared

    from netted

    {{ join_entry_labels('netted') }}

    where netted.balance <> 0

)

select * from placed
