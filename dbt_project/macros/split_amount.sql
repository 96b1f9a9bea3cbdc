{# An amount split by weights, largest remainder first, ties to the lowest key (of keys
   that end in a number: the lowest number); the parts of one partition sum exactly to
   the amount. Units: 100 for kopecks, 10000 for weights. #}
{% macro split_amount(amount, weight, total_weight, partition, tie_key, units=100) -%}
    {%- set exact = amount ~ ' * ' ~ units ~ ' * ' ~ weight ~ ' / ' ~ total_weight -%}
    (
        floor({{ exact }})
        + case
            when
                row_number() over (
                    partition by {{ partition }}
                    order by
                        {{ exact }} - floor({{ exact }}) desc,
                        length({{ tie_key }}) asc,
                        {{ tie_key }} asc
                ) <= {{ amount }} * {{ units }}
                - sum(floor({{ exact }})) over (partition by {{ partition }})
                then 1
            else 0
        end
    ) / {{ units }}
{%- endmacro %}
