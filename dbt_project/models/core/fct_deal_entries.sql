{{ config(meta={'unit': 'deal_key'}) }}

{# When a dated fact of a card was entered: between the last load without it and the moment
   the card was last modified. A fact of a card seen for the first time was entered after
   the card was created. #}
with

versions as (

    select * from {{ ref('int_deals__versioned') }}
    where is_present

),

deals as (

    select * from {{ ref('int_deals__counted') }}

),

settings as (

    select * from {{ ref('dim_settings') }}
    where setting = 'backdate_tolerance_days'

),

{% set facts = [
    ('contract_signed', 'contract_signed_date'),
    ('advance_taken', 'advance_received_date'),
    ('settled', 'settlement_date'),
] -%}

filled as (

    {%- for fact_type, column in facts %}

    select
        deal_key,
        '{{ fact_type }}' as fact_type,
        version_no,
        {{ column }} as fact_date,
        recorded_from,
        changed_after,
        modified_at

    from versions

    where {{ column }} is not null

        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}

),

first_filled as (

    select distinct on (deal_key, fact_type) *
    from filled
    order by deal_key asc, fact_type asc, version_no asc

),

bounded as (

    select
        first_filled.deal_key,
        deals.source_system,
        first_filled.fact_type,
        first_filled.fact_date,
        coalesce(first_filled.changed_after, deals.created_at) as entered_at_lower,
        case
            when first_filled.changed_after is null
                then coalesce(first_filled.modified_at, first_filled.recorded_from)
            when first_filled.modified_at > first_filled.changed_after
                then first_filled.modified_at
            else first_filled.recorded_from
        end as entered_at_upper

    from first_filled

    inner join deals
        on first_filled.deal_key = deals.deal_key

),

dated as (

    select
        *,
        {{ business_date('entered_at_lower') }} as first_possible_date,
        {{ business_date('entered_at_upper') }} as entry_date

    from bounded

),

tolerated as (

    select
        dated.*,
        settings.value as tolerance_days

    from dated

    left join settings
        on
            dated.source_system = settings.source_system
            and dated.fact_date >= settings.valid_from
            and dated.fact_date < settings.valid_to

),

judged as (

    select
        deal_key || '|' || fact_type as entry_key,
        deal_key,
        fact_type,
        fact_date,
        entered_at_lower,
        entered_at_upper,
        entry_date,
        -- Known to the day or not at all.
        case when entry_date - first_possible_date <= 1 then entry_date - fact_date end
            as entry_lag_days,
        case
            when first_possible_date - fact_date > tolerance_days then true
            when entry_date - fact_date <= tolerance_days then false
        end as is_backdated

    from tolerated

    where fact_date <= {{ today() }}

)

select * from judged
