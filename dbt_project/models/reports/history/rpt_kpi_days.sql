{# The days that KPI can be asked for, today among them. A day holds no row of a person:
   everyone who reads anything may ask for it. #}
with

readers as (

    {{ keys_of_everyone() }}

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
    {{ day_choice_columns('days') }},
    readers.reader_keys

from days

cross join readers
