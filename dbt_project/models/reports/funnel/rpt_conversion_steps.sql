{{ config(meta={'by': {'conversion_key': 'conversion_key'}}) }}

with

conversions as (

    select * from {{ ref('int_conversions__described') }}
    -- What became of new requests is the funnel of its own.
    where
        cohort_kind = 'period'
        and (
            is_step
            or from_stage <> 'lead_new'
            or pair = 'unique_lead__closed_won'
        )

),

periods as (

    select * from {{ ref('cohort_periods') }}

),

compared as (

    select
        conversions.conversion_key,
        conversions.unit_key,
        conversions.unit_label,
        conversions.unit_level,
        conversions.unit_order,
        conversions.deal_type_label,
        conversions.deal_type_order,
        periods.label as cohort_label,
        periods.period_order as cohort_order,
        conversions.horizon_label,
        conversions.horizon_order,
        conversions.chain_label,
        conversions.chain_order,
        conversions.pair as pair_code,
        conversions.pair_order,
        conversions.pair_label,
        conversions.from_stage_label,
        conversions.to_stage_label,
        conversions.entered,
        conversions.reached,
        conversions.started,
        conversions.arrived,
        conversions.flow_text,
        conversions.conversion,
        conversions.conversion_text,
        conversions.interval_text,
        conversions.cohort_maturity,
        conversions.maturity_text,
        replace({{ text('percent_points') }}, '{points}',
            {{ signed_text('100 * (conversions.conversion - before.conversion)', 1) }})
            as conversion_change,
        conversions.lag_days_median,
        conversions.lag_days_p90,
        {{ today() }} as as_of_date,
        conversions.reader_keys

    from conversions

    inner join periods
        on conversions.cohort_code = periods.period_code

    left join conversions as before
        on
            periods.previous_code = before.cohort_code
            and conversions.unit_key = before.unit_key
            and conversions.deal_type_label = before.deal_type_label
            and conversions.pair = before.pair
            and conversions.horizon_code = before.horizon_code
            and conversions.chain_code = before.chain_code

)

select * from compared
