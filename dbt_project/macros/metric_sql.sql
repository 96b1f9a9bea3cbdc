{# The SQL of one measure over the rows of its fact. #}
{% macro measure_sql(measure) -%}
    {%- if measure.agg == 'sum' -%}
        coalesce(sum({{ measure.expr or measure.name }}), 0)
    {%- elif measure.agg == 'count' -%}
        count({{ measure.expr or measure.name }})
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            'measure ' ~ measure.name ~ ': the KPI marts hold additive parts only, got ' ~ measure.agg
        ) }}
    {%- endif -%}
{%- endmacro %}

{# Every additive metric of a semantic model as a column of a mart. #}
{% macro kpi_columns(semantic_model) -%}
    {%- if execute -%}
        {%- set models = graph.semantic_models.values() | selectattr('name', 'equalto', semantic_model) | list -%}
        {%- if not models -%}
            {{ exceptions.raise_compiler_error('no semantic model named ' ~ semantic_model) }}
        {%- endif -%}
        {%- for measure in models[0].measures %}
    {{ measure_sql(measure) }} as {{ measure.name }}{{ ',' if not loop.last }}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
