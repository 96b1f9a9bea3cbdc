{{ config(meta={'unit': 'deal_key'}) }}

{# One row per open deal that stands on its stage too long, or that nobody has touched. #}
with

deals as (

    select * from {{ ref('int_deals__mapped') }}

),

staged as (

    select * from {{ ref('int_deals__staged') }}

),

{% set stocks = [('stage_over_limit', 'is_over_limit'), ('deal_stuck', 'is_stuck')] -%}

held as (

    {%- for stock_type, flag in stocks %}

    select
        '{{ stock_type }}' as stock_type,
        deals.deal_key as fact_key,
        deals.deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        deals.stage as detail,
        cast(null as numeric(18, 2)) as amount,
        cast(null as timestamptz) as counted_from

    from deals

    inner join staged
        on deals.deal_key = staged.deal_key

    where staged.{{ flag }}

        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}

)

select * from held
