{{ config(meta={'unit': 'cohort_pair_key'}) }}

{# One row per unit, type of deal, transition, cohort, horizon and way to count a chain, with
   the words that a reader sees: a share below the smallest cohort stays a fraction, a young
   one says so. #}
with

conversions as (

    select * from {{ ref('int_conversions__counted') }}

),

pairs as (

    select * from {{ ref('conversion_pairs') }}

),

stages as (

    select * from {{ ref('stages') }}

),

units as (

    select * from {{ ref('int_org_units__listed') }}

),

settings as (

    select * from {{ ref('dim_settings') }}

),

-- The value valid on the first day of a cohort; of several connections the strictest.
judged as (

    select
        cohorts.cohort_from,
        max(settings.value) filter (where settings.setting = 'min_cohort') as min_cohort,
        max(settings.value) filter (where settings.setting = 'cohort_maturity_mark')
            as maturity_mark

    from (select distinct cohort_from from conversions) as cohorts

    left join settings
        on
            cohorts.cohort_from >= settings.valid_from
            and cohorts.cohort_from < settings.valid_to

    group by cohorts.cohort_from

),

measured as (

    select
        conversions.*,
        judged.min_cohort,
        judged.maturity_mark,
        cast(conversions.reached as numeric) / conversions.entered as conversion,
        cast(conversions.decided as numeric) / conversions.entered as cohort_maturity,
        {{ wilson('conversions.reached', 'conversions.entered', 'low') }} as conversion_low,
        {{ wilson('conversions.reached', 'conversions.entered', 'high') }} as conversion_high,
        conversions.entered < judged.min_cohort as is_small

    from conversions

    inner join judged
        on conversions.cohort_from = judged.cohort_from

),

described as (

    select
        {{ surrogate_key([
            'measured.unit_key', 'measured.deal_type_label', 'measured.pair',
            'measured.cohort_code', 'measured.horizon_code', 'measured.chain_code',
        ]) }} as conversion_key,
        measured.unit_key,
        units.unit_label,
        units.unit_level,
        units.unit_order,
        measured.deal_type_label,
        cast(case when measured.is_every_type then 0 else 1 end as smallint)
            as deal_type_order,
        measured.cohort_pair_key,
        measured.cohort_kind,
        measured.cohort_code,
        measured.cohort_from,
        measured.horizon_label,
        measured.horizon_order,
        measured.horizon_code,
        measured.chain_label,
        measured.chain_order,
        measured.chain_code,
        measured.pair,
        pairs.pair_order,
        pairs.is_step,
        pairs.from_stage,
        pairs.to_stage,
        from_stages.rank as from_rank,
        to_stages.rank as to_rank,
        coalesce(split_part(pairs.label, ' → ', 1), from_stages.label)
            as from_stage_label,
        to_stages.label as to_stage_label,
        coalesce(pairs.label, from_stages.label || ' → ' || to_stages.label)
            as pair_label,
        measured.entered,
        measured.reached,
        measured.decided,
        measured.started,
        measured.arrived,
        {{ number_text('100.0 * measured.arrived / measured.started', 0) }}
        || chr(160) || '%' as flow_text,
        case when not measured.is_small then measured.conversion end as conversion,
        case
            when measured.is_small
                then replace(replace({{ text('fraction') }},
                    '{part}', cast(measured.reached as text)),
                    '{whole}', cast(measured.entered as text))
            else {{ number_text('100 * measured.conversion', 1) }} || chr(160) || '%'
        end as conversion_text,
        replace(replace({{ text('interval') }},
            '{low}', cast(round(100 * measured.conversion_low) as text)),
            '{high}', cast(round(100 * measured.conversion_high) as text))
            as interval_text,
        measured.conversion_low,
        measured.conversion_high,
        measured.cohort_maturity,
        100 * measured.cohort_maturity >= measured.maturity_mark as is_mature,
        case
            when 100 * measured.cohort_maturity >= measured.maturity_mark
                then {{ text('cohort_mature') }}
            else replace({{ text('cohort_young') }},
                '{percent}', cast(floor(100 * measured.cohort_maturity) as text))
        end as maturity_text,
        cast(measured.lag_days_median as numeric(9, 1)) as lag_days_median,
        cast(measured.lag_days_p90 as numeric(9, 1)) as lag_days_p90,
        units.reader_keys

    from measured

    inner join units
        on measured.unit_key = units.unit_key

    inner join pairs
        on measured.pair = pairs.pair

    inner join stages as from_stages
        on pairs.from_stage = from_stages.stage

    inner join stages as to_stages
        on pairs.to_stage = to_stages.stage

)

select * from described
