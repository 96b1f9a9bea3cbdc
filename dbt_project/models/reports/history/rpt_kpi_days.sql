{# The days that KPI can be asked for, today among them. A day holds no row of a person:
   everyone who reads anything may ask for it. #}
with

readers as (

    select array_agg(distinct key order by key) as reader_keys
    from {{ ref('user_scopes') }}

),

days as (

    select distinct
        as_of_date,
        false as is_today
    from {{ ref('rpt_kpi_as_known') }}

    union all

    select
        {{ today() }} as as_of_date,
        true as is_today

)

select
    days.as_of_date,
    case
        when days.is_today then {{ text('today') }}
        else to_char(days.as_of_date, 'DD.MM.YYYY')
    end as as_of_label,
    -- The latest day first.
    cast(date '9999-12-31' - days.as_of_date as integer) as as_of_order,
    days.is_today,
    readers.reader_keys

from days

cross join readers
