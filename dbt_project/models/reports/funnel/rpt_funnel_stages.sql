{{ config(meta={'by': {'bar_key': 'bar_key'}}) }}

{#- Stages are ordered, so their colour is by phase, darker further on. -#}
{%- set colours = {
    'lead_new': '#8A95A2', 'qualified': '#748190', 'meeting_held': '#616D7C',
    'contract_signed': '#6490E3', 'showing_held': '#3F7BE0', 'reserved': '#2567DE',
    'advance_taken': '#D37E14', 'in_preparation': '#D17607',
    'settlement_scheduled': '#B96505', 'closed_won': '#26A57E',
} -%}

with

conversions as (

    select * from {{ ref('int_conversions__described') }}
    where
        cohort_kind = 'period'
        and from_stage = 'lead_new'
        and pair <> 'unique_lead__closed_won'

),

periods as (

    select * from {{ ref('cohort_periods') }}

),

-- The cohort itself is the first bar.
bars as (

    select
        unit_key,
        unit_label,
        unit_level,
        unit_order,
        deal_type_label,
        deal_type_order,
        cohort_code,
        horizon_label,
        horizon_order,
        chain_label,
        chain_order,
        from_stage as stage,
        from_stage_label as stage_label,
        from_rank as stage_rank,
        entered,
        entered as reached,
        cast(null as text) as conversion_text,
        cast(null as numeric) as lag_days_median,
        reader_keys

    from conversions

    where is_step

    union all

    select
        unit_key,
        unit_label,
        unit_level,
        unit_order,
        deal_type_label,
        deal_type_order,
        cohort_code,
        horizon_label,
        horizon_order,
        chain_label,
        chain_order,
        to_stage as stage,
        to_stage_label as stage_label,
        to_rank as stage_rank,
        entered,
        reached,
        conversion_text,
        lag_days_median,
        reader_keys

    from conversions

),

drawn as (

    select
        {{ surrogate_key([
            'bars.unit_key', 'bars.deal_type_label', 'bars.cohort_code',
            'bars.horizon_order', 'bars.chain_order', 'bars.stage',
        ]) }} as bar_key,
        bars.unit_key,
        bars.unit_label,
        bars.unit_level,
        bars.unit_order,
        bars.deal_type_label,
        bars.deal_type_order,
        periods.label as cohort_label,
        periods.period_order as cohort_order,
        bars.horizon_label,
        bars.horizon_order,
        bars.chain_label,
        bars.chain_order,
        bars.stage,
        bars.stage_label,
        bars.stage_rank as stage_order,
        bars.entered,
        bars.reached,
        bars.conversion_text,
        bars.lag_days_median,
        '<span class="r-funnel"><span class="r-funnel-bar" style="width:'
        || greatest(round(100.0 * bars.reached / bars.entered), 1)
        || '%;background-color:' || case bars.stage
        {%- for stage, colour in colours.items() %}
            when '{{ stage }}' then '{{ colour }}'
        {%- endfor %}
        end || '"></span></span>' as funnel_html,
        bars.reader_keys

    from bars

    inner join periods
        on bars.cohort_code = periods.period_code

)

select * from drawn
