{# Everything the dictionary lists: metrics of measures, ratios, and columns of published
   tables that are named but not computed yet. #}
{% macro dictionary_entries() -%}
    {%- set found = [] -%}
    {%- set measures = {} -%}
    {%- for measure in all_measures() -%}
        {%- do measures.update({measure.name: measure}) -%}
    {%- endfor -%}
    {%- if execute -%}
        {%- for metric in graph.metrics.values() -%}
            {%- set measure = measures.get(metric.name) -%}
            {%- set params = metric.type_params -%}
            {%- if measure -%}
                {%- set meta = measure.meta -%}
                {%- set needs = measure.needs -%}
                {%- set kind = measure.kind -%}
            {%- else -%}
                {%- set above = measures[params.numerator.name] -%}
                {%- set below = measures[params.denominator.name] -%}
                {%- set shared = {} -%}
                {%- for name in ['dataset', 'drill', 'version', 'valid_from'] -%}
                    {%- do shared.update({name: above.meta.get(name)}) -%}
                {%- endfor -%}
                {%- set meta = dict(shared, **metric.config.meta) -%}
                {%- set needs = above.needs + below.needs + metric.config.meta.get('needs', []) -%}
                {%- set kind = 'ratio' -%}
            {%- endif -%}
            {%- set given = computability(needs) -%}
            {%- do found.append({
                'id': meta.get('id') or metric.name,
                'label': metric.label,
                'meaning': measure.description if measure else metric.description,
                'kind': kind,
                'meta': meta,
                'file': metric.original_file_path,
                'state': 'not_given' if not given.able
                    else 'partly' if given.unable
                    else 'computed',
                'missing': given.missing,
                'unable': given.unable,
            }) -%}
        {%- endfor -%}
        {%- set known = found | map(attribute='id') | list -%}
        {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
            {%- for column in node.columns.values()
                if column.config.meta.get('pending') and column.name not in known -%}
                {%- do known.append(column.name) -%}
                {%- do found.append({
                    'id': column.name,
                    'label': column.config.meta.label,
                    'meaning': column.description,
                    'kind': 'pending',
                    'meta': dict(column.config.meta, dataset=node.name),
                    'file': node.original_file_path,
                    'state': 'pending',
                    'missing': [],
                    'unable': [],
                }) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}

{# The same as one JSON literal of SQL, which costs the database nothing to plan. #}
{% macro dictionary_rows() -%}
    {%- set rows = [] -%}
    {%- for entry in dictionary_entries() -%}
        {%- set meta = entry.meta -%}
        {%- do rows.append({
            'metric_id': entry.id,
            'metric_order': loop.index,
            'metric_label': entry.label,
            'meaning': entry.meaning,
            'metric_kind': entry.kind,
            'formula': meta.get('formula'),
            'unit_code': meta.get('unit'),
            'additivity': meta.get('additivity'),
            'basis': meta.get('basis'),
            'date_used': meta.get('date'),
            'role': meta.get('role'),
            'owner': meta.get('owner'),
            'dataset': meta.get('dataset'),
            'drill': meta.get('drill'),
            'version': meta.get('version'),
            'valid_from': meta.get('valid_from') and meta.valid_from | string,
            'example_rows': meta.get('example') and example_rows(meta.example),
            'example_gives': meta.get('gives') if meta.get('gives') is none else meta.gives | string,
            'state': entry.state,
            'missing': entry.missing | join(',') or none,
            'unable': entry.unable | join(', ') or none,
        }) -%}
    {%- endfor -%}
    cast('{{ tojson(rows).replace("'", "''") }}' as jsonb)
{%- endmacro %}

{# The rows of an example as one line: column = value, ...; column = value. #}
{% macro example_rows(example) -%}
    {%- set parts = [] -%}
    {%- set groups = example.values() if example is mapping else [example] -%}
    {%- for rows in groups -%}
        {%- for row in rows -%}
            {%- set cells = [] -%}
            {%- for name, value in row.items() -%}
                {%- do cells.append(name ~ ' = ' ~ value) -%}
            {%- endfor -%}
            {%- do parts.append(cells | join(', ')) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(parts | join('; ')) }}
{%- endmacro %}

{# One word or sentence of the dictionary itself. #}
{% macro word(code) -%}
    (
        select texts.label from {{ ref('dictionary_words') }} as texts
        where
            texts.kind = 'text'
            and texts.code = '{{ code }}'
    )
{%- endmacro %}
