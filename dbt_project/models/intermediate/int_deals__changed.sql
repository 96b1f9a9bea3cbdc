{{ config(meta={'unit': 'deal_key'}) }}

{# One row per deal whose watched fields have changed: how often, and how far the planned
   settlement moved, in days. #}
with

changes as (

    select * from {{ ref('int_deal_fields__changed') }}

),

counted as (

    select
        deal_key,
        {%- for field, name in [
            ('planned_settlement_date', 'settlement_date_changes'),
            ('commission', 'commission_changes'),
            ('deal_owner', 'owner_changes'),
            ('channel', 'channel_changes'),
            ('price', 'price_changes'),
        ] %}
        count(*) filter (where field = '{{ field }}') as {{ name }},
        {%- endfor %}
        coalesce(sum(shift_days) filter (where not is_inherited), 0)
            as settlement_net_shift_days,
        coalesce(sum(abs(shift_days)), 0) as settlement_gross_shift_days,
        count(*) filter (where is_across_month) as settlement_month_changes,
        max(change_date) filter (where field = 'planned_settlement_date')
            as last_settlement_change_date

    from changes

    group by deal_key

)

select * from counted
