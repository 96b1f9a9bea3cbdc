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
            count(*) filter (where compared.is_new) over (
                partition by compared.{{ key }}
                order by compared.valid_from
            ) as span_no

        from (
            select
                said.*,
                lag(said.valid_to) over (
                    partition by said.{{ key }} order by said.valid_from
                ) is distinct from said.valid_from
                or lag(said.said) over (
                    partition by said.{{ key }} order by said.valid_from
                ) is distinct from said.said as is_new

            from (
                select
                    *,
                    {{ said }} as said
                from {{ relation }}
            ) as said
        ) as compared
    ) as numbered

    group by
        numbered.{{ key }},
        numbered.span_no,
        {%- for column in columns %}
        numbered.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}
