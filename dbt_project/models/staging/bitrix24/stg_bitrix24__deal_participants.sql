with

holders as (

    {%- for role, column in var('bitrix24')['roles'].items() if column %}
    {%- set weights = var('bitrix24')['role_weights'].get(role) %}

    -- A user field of employees is one id, or a list of ids where it is multiple; their
    -- percents stand in the same order.
    select
        cast(deals.id as text) as deal_source_id,
        '{{ role }}' as role,
        holders.employee_id,
        {% if weights -%}
        {{ listed('deals.' ~ adapter.quote(weights)) }}
        ->> cast(holders.position - 1 as integer) as percent,
        {% else -%}
        cast(null as text) as percent,
        {% endif -%}
        holders.position

    from {{ source('bitrix24', 'deals') }} as deals
    cross join lateral jsonb_array_elements_text(
        {{ listed('deals.' ~ adapter.quote(column)) }}
    ) with ordinality as holders (employee_id, position)

    union all
    {%- endfor %}

    select
        cast(null as text) as deal_source_id,
        cast(null as text) as role,
        cast(null as text) as employee_id,
        cast(null as text) as percent,
        cast(null as bigint) as position
    where false

)

select distinct on (deal_source_id, role, employee_id)
    deal_source_id,
    role,
    {{ source_link('employee_id') }} as employee_id,
    cast(
        cast(
            substring(percent from '^\s*([0-9]{1,6}([.][0-9]+)?)\s*%?\s*$') as numeric
        ) / 100 as numeric(9, 4)
    ) as credit_weight

from holders

where {{ source_link('employee_id') }} is not null

order by deal_source_id, role, employee_id, position
