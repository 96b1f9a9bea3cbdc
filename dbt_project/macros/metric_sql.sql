{# Every measure of the metric blocks, with what its semantic model says of all of them. #}
{% macro all_measures() -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- set named = graph.metrics.values() | map(attribute='name') | list -%}
        {%- for semantic_model in graph.semantic_models.values() | sort(attribute='name') -%}
            {%- set shared = semantic_model.config.meta -%}
            {%- for measure in semantic_model.measures -%}
                {%- set own = measure.config.meta if measure.config else {} -%}
                {%- do found.append({
                    'name': measure.name,
                    'label': measure.label,
                    'description': measure.description,
                    'kind': measure_kind(measure, dict(shared, **own)),
                    'expr': measure.expr or measure.name,
                    'percentile': (measure.agg_params or {}).get('percentile'),
                    'meta': dict(shared, **own),
                    'needs': shared.get('needs', []) + own.get('needs', []),
                    'fact': semantic_model.node_relation.alias,
                    'is_metric': measure.name in named,
                }) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{# sum, count, count_distinct, median, percentile, stock or mart. #}
{% macro measure_kind(measure, meta) -%}
    {%- set agg = measure.agg.value or measure.agg -%}
    {%- if meta.get('kind') -%}
        {{ return(meta.kind) }}
    {%- elif meta.get('basis') == 'stock' and agg in ('sum', 'count') -%}
        {{ return('stock') }}
    {%- endif -%}
    {{ return(agg) }}
{%- endmacro %}

{# Measures that are columns of a published table of parts. #}
{% macro measures_in(dataset) -%}
    {{ return(
        all_measures()
        | selectattr('meta.dataset', 'equalto', dataset)
        | selectattr('kind', 'in', ['sum', 'count', 'stock'])
        | list
    ) }}
{%- endmacro %}

{# Whether a source gives one of the fields that a need names; "|" is "or". #}
{% macro source_gives(source_kind, need) -%}
    {%- set given = var(source_kind) -%}
    {%- for alternative in need.split('|') -%}
        {%- set entity = alternative.split('.')[0] -%}
        {%- set field = alternative.split('.')[1] if '.' in alternative else none -%}
        {%- if
            entity in given['entities']
            and (field is none or field in given['fields'].get(entity, {}))
        -%}
            {{ return(true) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}

{# Which connections can give what a metric needs, and what those that cannot lack. #}
{% macro computability(needs) -%}
    {%- set result = {'able': [], 'unable': [], 'missing': []} -%}
    {%- for source_kind in var('crm_sources') -%}
        {%- set lacking = [] -%}
        {%- for need in needs if not source_gives(source_kind, need) -%}
            {%- do lacking.append(need) -%}
        {%- endfor -%}
        {%- do result['unable' if lacking else 'able'].append(
            var(source_kind)['connection']
        ) -%}
        {%- for need in lacking if need not in result.missing -%}
            {%- do result.missing.append(need) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(result) }}
{%- endmacro %}

{% macro is_computable(measure) -%}
    {{ return(computability(measure.needs).able | length > 0) }}
{%- endmacro %}

{# The SQL of one measure over the rows of its fact; null where no row or no source gives
   it. #}
{% macro measure_sql(measure) -%}
    {%- if not is_computable(measure) -%}
        cast(null as numeric)
    {%- elif measure.kind in ('sum', 'stock') -%}
        ops.total(cast({{ measure.expr }} as numeric))
    {%- elif measure.kind == 'count' -%}
        cast(nullif(count({{ measure.expr }}), 0) as numeric)
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            'measure ' ~ measure.name ~ ': a mart of parts holds sums and counts only, got '
            ~ measure.kind
        ) }}
    {%- endif -%}
{%- endmacro %}

{# The SQL of a measure by its name, over rows of its fact. #}
{% macro measure_named(name) -%}
    {%- set found = all_measures() | selectattr('name', 'equalto', name) | list -%}
    {{ measure_sql(found[0]) if found else 'null' }}
{%- endmacro %}

{# Facts that contribute to rpt_kpi_daily and its editions, each with the columns that its
   metrics look at; their own measures only. #}
{% macro daily_facts() -%}
    {{ return({
        'fct_deal_events': ['detail'],
        'fct_lead_events': ['quality', 'is_duplicate', 'is_repeat', 'is_qualified'],
    }) }}
{%- endmacro %}

{# Measures of a mart as its columns, over one of the facts that contribute: measures of
   other facts are null there, and the sum over all facts passes them by. What no row gives
   is null, too: it takes no room and no addition until kpi_sums makes it 0. #}
{% macro kpi_parts(dataset, fact) -%}
    {%- for measure in measures_in(dataset) %}
    {{
        measure_sql(measure)
        if measure.fact == fact
        else 'cast(null as numeric)'
    }} as {{ measure.name }}{{ ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Measures of every fact by the credit that is split, summed by columns as far as the facts
   of one person already are: whoever reads them sums them up. #}
{% macro split_parts(columns) %}
    select
        {{ columns | join(',\n        ') }},
        {%- for measure in measures_in('rpt_kpi_daily') %}
        {{ measure.name }}{{ ',' if not loop.last }}
        {%- endfor %}

    from {{ ref('int_facts__summed') }}
    {%- for fact in daily_facts() %}

    union all

    select
        {{ columns | join(',\n        ') }},
        {{ kpi_parts('rpt_kpi_daily', fact) }}

    from {{ ref(fact) }}

    where is_shared

    group by
        {{ columns | join(',\n        ') }}
    {%- endfor %}
{%- endmacro %}

{% macro kpi_sums(dataset) -%}
    {%- for measure in measures_in(dataset) %}
    {{
        'coalesce(ops.total(' ~ measure.name ~ '), 0)'
        if is_computable(measure)
        else 'cast(null as numeric)'
    }} as {{ measure.name }}{{ ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Ratios whose both sides are among the measures: recomputed wherever these are summed. #}
{% macro ratios_over(measures) -%}
    {%- set found = [] -%}
    {%- set names = measures | map(attribute='name') | list -%}
    {%- if execute -%}
        {%- for metric in graph.metrics.values() | sort(attribute='name') -%}
            {%- set params = metric.type_params -%}
            {%- if
                params.numerator and params.denominator
                and params.numerator.name in names and params.denominator.name in names
            -%}
                {%- do found.append({
                    'name': metric.name,
                    'label': metric.label,
                    'description': metric.description,
                    'kind': 'ratio',
                    'meta': metric.config.meta,
                    'numerator': params.numerator.name,
                    'denominator': params.denominator.name,
                }) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}
