with

lines as (

    select * from {{ ref('int_service_lines__unioned') }}
    where deleted_at is null

),

deals as (

    select * from {{ ref('int_deals__counted') }}

),

-- Lines are in the currency of their deal; a foreign amount is unknown without a rate.
recorded as (

    select
        lines.source_system || ':' || lines.source_id as service_line_key,
        deals.deal_key,
        deals.source_system,
        deals.closing_date,
        lines.service,
        lines.side,
        lines.payer,
        lines.tax_rate,
        case when deals.is_reporting_currency then lines.agreed_amount end
            as agreed_entered,
        case
            when deals.is_reporting_currency
                then lines.agreed_amount - coalesce(lines.discount, 0)
        end as current_entered,
        false as is_synthetic

    from lines

    inner join deals
        on lines.source_system || ':' || lines.deal_source_id = deals.deal_key

),

-- A deal with a commission and without lines gets one line of the whole commission.
synthetic as (

    select
        deals.deal_key || ':card' as service_line_key,
        deals.deal_key,
        deals.source_system,
        deals.closing_date,
        cast(null as text) as service,
        cast(null as text) as side,
        cast(null as text) as payer,
        cast(null as numeric) as tax_rate,
        deals.commission as agreed_entered,
        deals.commission as current_entered,
        true as is_synthetic

    from deals

    left join recorded
        on deals.deal_key = recorded.deal_key

    where
        recorded.deal_key is null
        and deals.commission is not null

),

together as (

    select * from recorded

    union all

    select * from synthetic

),

taxed as (

    select
        together.*,
        'none' as vat_mode

    from together

),

netted as (

    select
        service_line_key,
        deal_key,
        service,
        side,
        payer,
        tax_rate,
        vat_mode,
        {{ net_of_vat('agreed_entered', 'tax_rate', 'vat_mode') }} as agreed_amount,
        {{ net_of_vat('current_entered', 'tax_rate', 'vat_mode') }} as current_amount,
        {{ amount_with_vat('agreed_entered', 'tax_rate', 'vat_mode') }}
            as agreed_with_vat,
        {{ amount_with_vat('current_entered', 'tax_rate', 'vat_mode') }}
            as current_with_vat,
        is_synthetic

    from taxed

),

priced as (

    select
        service_line_key,
        deal_key,
        service,
        side,
        payer,
        tax_rate,
        vat_mode,
        cast(agreed_amount as numeric(18, 2)) as agreed_amount,
        cast(agreed_amount - current_amount as numeric(18, 2)) as discount,
        cast(current_amount as numeric(18, 2)) as current_amount,
        cast(agreed_with_vat as numeric(18, 2)) as agreed_with_vat,
        cast(current_with_vat as numeric(18, 2)) as current_with_vat,
        is_synthetic

    from netted

)

select * from priced
