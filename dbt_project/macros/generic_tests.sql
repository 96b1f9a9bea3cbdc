{# Every row has a key of its own: unique and not_null in one query. #}
{% test key(model, column_name) %}
    select
        {{ column_name }},
        count(*) as uses
    from {{ model }}
    group by {{ column_name }}
    having
        count(*) > 1
        or {{ column_name }} is null
{% endtest %}
