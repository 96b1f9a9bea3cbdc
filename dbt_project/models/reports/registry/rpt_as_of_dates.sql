{# The days that the registry can be asked for, with the words that a clock tells there: a
   view of readers reads no text of its own. A day holds no row of a deal: everyone who
   reads anything may ask for it. #}
with

readers as (

    {{ keys_of_everyone() }}

)

select
    days.as_of_date,
    {{ day_choice_columns('days') }},
    days.as_of_at,
    days.recorded_before,
    {%- for word in clock_words() + ['client_masked'] %}
    {{ text(word) }} as {{ word }}_label,
    {%- endfor %}
    readers.reader_keys

from {{ ref('dim_as_of') }} as days

cross join readers
