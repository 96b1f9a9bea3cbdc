select
    cast(days.calendar_date as date) as calendar_date,
    cast(date_trunc('month', days.calendar_date) as date) as calendar_month,
    extract(isodow from days.calendar_date) as weekday

from generate_series(
    cast('2010-01-01' as timestamp), cast('2035-12-31' as timestamp), interval '1 day'
) as days (calendar_date)
