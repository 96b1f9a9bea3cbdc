with

holders as (

    {%- for role, column in var('bitrix24')['roles'].items() if column %}

    select
        deals.id as deal_source_id,
        '{{ role }}' as role,
        holders.employee_id,
        holders.position

    from {{ source('bitrix24', 'deals') }} as deals
    -- A user field of employees is one id, or a list of ids where it is multiple.
    cross join lateral jsonb_array_elements_text(
        case jsonb_typeof(to_jsonb(deals.{{ adapter.quote(column) }}))
            when 'array' then to_jsonb(deals.{{ adapter.quote(column) }})
            when 'string' then jsonb_build_array(deals.{{ adapter.quote(column) }})
            else '[]'
        end
    ) with ordinality as holders (employee_id, position)

    union all
    {%- endfor %}

    select
        cast(null as text) as deal_source_id,
        cast(null as text) as role,
        cast(null as text) as employee_id,
        cast(null as bigint) as position
    where false

)

select distinct on (deal_source_id, role, employee_id)
    deal_source_id,
    role,
    {{ source_link('employee_id') }} as employee_id,
    cast(null as numeric(9, 4)) as credit_weight

from holders

where {{ source_link('employee_id') }} is not null

order by deal_source_id, role, employee_id, position
