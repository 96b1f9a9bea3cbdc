{{ config(meta={
    'unit': 'cohort_pair_key',
    'by': {'cohort_pair_key': cohort_pair_key(day_key('cohort_month'), 'pair_code')},
    'clocked': is_another_month(),
}) }}

with

conversions as (

    select * from {{ ref('int_conversions__described') }}
    where
        cohort_kind = 'month'
        and (
            is_step
            or from_stage <> 'lead_new'
            or pair = 'unique_lead__closed_won'
            or to_stage in ('contract_signed', 'closed_won')
        )

),

listed as (

    select
        conversion_key,
        unit_key,
        unit_label,
        unit_level,
        unit_order,
        deal_type_label,
        deal_type_order,
        cohort_from as cohort_month,
        horizon_label,
        horizon_order,
        chain_label,
        chain_order,
        pair as pair_code,
        pair_order,
        pair_label,
        entered,
        reached,
        conversion,
        conversion_text,
        interval_text,
        cohort_maturity,
        maturity_text,
        lag_days_median,
        lag_days_p90,
        -- The youngest cohort first.
        cast(
            {{ months_between('cohort_from', today()) }} as smallint
        ) as months_ago,
        reader_keys

    from conversions

)

select * from listed
