{# Spans of one key that say the same and touch are one span. valid_from and valid_to are
   dates, half-open; the relation has no overlaps within a key. #}
{% macro merged_spans(relation, key, columns) -%}
    {%- set said = 'cast(row(' ~ columns | join(', ') ~ ') as text)' -%}
    select
        numbered.{{ key }},
        min(numbered.valid_from) as valid_from,
        max(numbered.valid_to) as valid_to,
        {%- for column in columns %}
        numbered.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from (
        select
            compared.*,
            count(*) filter (where not compared.is_same) over (
                partition by compared.{{ key }}
                order by compared.valid_from
            ) as span_no

        from (
            select
                followed.*,
                coalesce(
                    followed.previous_to = followed.valid_from
                    and followed.previous_said = followed.said,
                    false
                ) as is_same

            from (
                select
                    told.*,
                    lag(told.valid_to) over (
                        partition by told.{{ key }} order by told.valid_from
                    ) as previous_to,
                    lag(told.said) over (
                        partition by told.{{ key }} order by told.valid_from
                    ) as previous_said

                from (
                    select
                        *,
                        {{ said }} as said
                    from {{ relation }}
                ) as told
            ) as followed
        ) as compared
    ) as numbered

    group by
        numbered.{{ key }},
        numbered.span_no,
        {%- for column in columns %}
        numbered.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}
