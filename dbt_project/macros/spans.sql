{# Spans of one key that say the same and touch are one span. valid_from and valid_to are
   dates, half-open; the relation has no overlaps within a key. #}
{% macro merged_spans(relation, key, columns) -%}
    select
        {{ key }},
        min(valid_from) as valid_from,
        max(valid_to) as valid_to,
        {{ columns | join(',\n        ') }}

    from (
        select
            *,
            count(*) filter (where is_new) over (
                partition by {{ key }}
                order by valid_from
            ) as span_no

        from (
            select
                *,
                (valid_from, {{ columns | join(', ') }})
                is distinct from (
                    lag(valid_to) over (partition by {{ key }} order by valid_from),
                    {%- for column in columns %}
                    lag({{ column }}) over (partition by {{ key }} order by valid_from)
                        {{- ',' if not loop.last }}
                    {%- endfor %}
                ) as is_new

            from {{ relation }}
        ) as compared
    ) as numbered

    group by {{ key }}, span_no, {{ columns | join(', ') }}
{%- endmacro %}
