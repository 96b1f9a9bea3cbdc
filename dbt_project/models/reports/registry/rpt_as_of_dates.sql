{# The days that the registry can be asked for, with the words that a clock tells there: a
   view of readers reads no text of its own. A day holds no row of a deal: everyone who
   reads anything may ask for it. #}
with

readers as (

    select array_agg(distinct held.key order by held.key) as keys
    from {{ ref('user_keys') }} as readers
    cross join lateral unnest(readers.keys) as held (key)

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
    days.as_of_at,
    days.recorded_before,
    {%- for word in clock_words() + ['client_masked'] %}
    {{ text(word) }} as {{ word }}_label,
    {%- endfor %}
    readers.keys as reader_keys

from {{ ref('dim_as_of') }} as days

cross join readers
