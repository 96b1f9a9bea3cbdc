{# An amount split by weights, largest remainder first, ties to the lowest key (of keys
   that end in a number: the lowest number); the parts of one partition sum exactly to
   the amount. Units: 100 for kopecks, 10000 for weights. #}
{% macro split_amount(amount, weight, total_weight, partition, tie_key, units=100) -%}
    {#- Remainders of whole division are exact; a quotient is rounded, and equal
    remainders of a small and a large part would then differ. -#}
    {%- set scaled = '(' ~ amount ~ ') * ' ~ units ~ ' * ' ~ weight -%}
    {%- set remainder -%}
        mod(mod({{ scaled }}, {{ total_weight }}) + {{ total_weight }}, {{ total_weight }})
    {%- endset -%}
    {%- set whole = '(' ~ scaled ~ ' - ' ~ remainder ~ ') / ' ~ total_weight -%}
    (
        {{ whole }}
        + case
            when
                row_number() over (
                    partition by {{ partition }}
                    order by
                        {{ remainder }} desc,
                        length({{ tie_key }}) asc,
                        {{ tie_key }} asc
                ) <= ({{ amount }}) * {{ units }}
                - sum({{ whole }}) over (partition by {{ partition }})
                then 1
            else 0
        end
    ) / {{ units }}
{%- endmacro %}
