{{ config(meta={'unit': 'deal_key'}) }}

with

lines as (

    select * from {{ ref('int_service_lines__unioned') }}
    where deleted_at is null

),

deals as (

    select * from {{ ref('int_deals__counted') }}

),

vat_modes as (

    select * from {{ ref('dim_vat_modes') }}

),

-- Lines are in the currency of their deal; a foreign amount is unknown without a rate.
recorded as (

    select
        lines.source_system || ':' || lines.source_id as service_line_key,
        deals.deal_key,
        deals.source_system,
        deals.legal_entity,
        coalesce(deals.closing_date, {{ today() }}) as priced_date,
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
        deals.legal_entity,
        coalesce(deals.closing_date, {{ today() }}) as priced_date,
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

-- What is said of a legal entity wins over what is said of the whole firm.
taxed as (

    select
        together.*,
        coalesce(of_entity.vat_mode, of_firm.vat_mode, 'none') as vat_mode

    from together

    left join vat_modes as of_entity
        on
            together.source_system = of_entity.source_system
            and together.legal_entity = of_entity.legal_entity
            and together.priced_date >= of_entity.valid_from
            and together.priced_date < of_entity.valid_to

    left join vat_modes as of_firm
        on
            together.source_system = of_firm.source_system
            and of_firm.legal_entity = ''
            and together.priced_date >= of_firm.valid_from
            and together.priced_date < of_firm.valid_to

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
