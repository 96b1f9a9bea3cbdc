{# What every number means: compiled from the blocks of the metrics, so it cannot say
   anything else than the marts compute. #}
with

words as (

    select * from {{ ref('dictionary_words') }}

),

roles as (

    select * from {{ ref('roles') }}

),

entries as (
    {% for entry in dictionary_entries() %}
    {%- set meta = entry.meta %}

    select
        {{ sql_text(entry.id) }} as metric_id,
        {{ loop.index }} as metric_order,
        {{ sql_text(entry.label) }} as metric_label,
        {{ sql_text(entry.meaning) }} as meaning,
        {{ sql_text(entry.kind) }} as metric_kind,
        {{ sql_text(meta.formula) }} as formula,
        {{ sql_text(meta.unit) }} as unit_code,
        {{ sql_text(meta.additivity) }} as additivity,
        {{ sql_text(meta.basis) }} as basis,
        {{ sql_text(meta.date) }} as date_used,
        {{ sql_text(meta.role) }} as role,
        {{ sql_text(meta.owner) }} as owner,
        {{ sql_text(meta.dataset) }} as dataset,
        {{ sql_text(meta.drill) }} as drill,
        cast({{ meta.version or 'null' }} as smallint) as version,
        cast({{ sql_text(meta.valid_from) }} as date) as valid_from,
        {{ sql_text(example_rows(meta.example) if meta.example else none) }} as example_rows,
        {{ sql_text(meta.gives) }} as example_gives,
        {{ sql_text(entry.state) }} as state,
        cast({{ sql_text(entry.missing | join(',') or none) }} as text) as missing,
        cast({{ sql_text(entry.unable | join(', ') or none) }} as text) as unable
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% else %}

    select
        {%- for column in [
            'metric_id', 'metric_label', 'meaning', 'metric_kind', 'formula', 'unit_code',
            'additivity', 'basis', 'date_used', 'role', 'owner', 'dataset', 'drill',
            'example_rows', 'example_gives', 'state', 'missing', 'unable',
        ] %}
        cast(null as text) as {{ column }},
        {%- endfor %}
        1 as metric_order,
        cast(null as smallint) as version,
        cast(null as date) as valid_from

    where false
    {% endfor %}

),

-- One line per alternative of a need; "a|b" is "a or b".
lacking as (

    select
        entries.metric_id,
        needs.need,
        needs.need_order,
        alternatives.alternative_order,
        coalesce(entities.label, split_part(alternatives.alternative, '.', 1))
        || coalesce(
            ': ' || coalesce(
                fields.label, nullif(split_part(alternatives.alternative, '.', 2), '')
            ),
            ''
        ) as field_label

    from entries

    cross join unnest(string_to_array(entries.missing, ','))
    with ordinality as needs (need, need_order)

    cross join unnest(string_to_array(needs.need, '|'))
    with ordinality as alternatives (alternative, alternative_order)

    left join words as entities
        on
            entities.kind = 'entity'
            and split_part(alternatives.alternative, '.', 1) = entities.code

    left join words as fields
        on
            fields.kind = 'field'
            and split_part(alternatives.alternative, '.', 2) = fields.code

),

needed as (

    select
        metric_id,
        need_order,
        string_agg(
            '«' || field_label || '»', {{ word('or') }} order by alternative_order
        ) as need_label

    from lacking

    group by metric_id, need_order

),

missing_fields as (

    select
        metric_id,
        string_agg(need_label, ', ' order by need_order) as missing_fields
    from needed
    group by metric_id

),

readers as (

    select array_agg(distinct key order by key) as reader_keys
    from {{ ref('user_scopes') }}

),

described as (

    select
        entries.metric_id,
        entries.metric_order,
        entries.metric_label,
        entries.meaning,
        entries.metric_kind,
        entries.formula,
        replace(units.label, '{currency}', {{ currency_sign() }}) as unit_name,
        entries.additivity,
        additivities.label as additivity_label,
        bases.label as basis_label,
        entries.date_used,
        coalesce(roles.label, role_words.label) as credited_role,
        entries.owner,
        entries.dataset,
        entries.drill,
        entries.version,
        entries.valid_from,
        replace(
            replace({{ word('example') }}, '{rows}', entries.example_rows),
            '{gives}', coalesce(entries.example_gives, {{ word('empty') }})
        ) as example_text,
        entries.state,
        states.label as state_label,
        case entries.state
            when 'not_given'
                then replace(
                    {{ word('not_given') }}, '{fields}', missing_fields.missing_fields
                )
            when 'partly'
                then replace(
                    replace(
                        {{ word('partly') }}, '{fields}', missing_fields.missing_fields
                    ),
                    '{sources}', entries.unable
                )
            when 'pending' then {{ word('pending') }}
        end as state_reason,
        missing_fields.missing_fields,
        readers.reader_keys

    from entries

    cross join readers

    left join missing_fields
        on entries.metric_id = missing_fields.metric_id

    left join roles
        on entries.role = roles.role
    {% for alias, kind, code in [
        ('units', 'unit', 'unit_code'), ('additivities', 'additivity', 'additivity'),
        ('bases', 'basis', 'basis'), ('states', 'state', 'state'),
        ('role_words', 'role', 'role'),
    ] %}

    left join words as {{ alias }}
        on
            {{ alias }}.kind = '{{ kind }}'
            and entries.{{ code }} = {{ alias }}.code
    {%- endfor %}

),

{# What a reader of the page reads in full. #}
{% set texts = [
    'metric_label', 'meaning', 'formula', 'date_used', 'credited_role', 'owner',
    'example_text', 'state_label', 'state_reason',
] -%}

shown as (

    select
        *,
        {%- for text in texts %}
        {{ wrapped(text) }} as {{ text }}_html{{ ',' if not loop.last }}
        {%- endfor %}

    from described

)

select * from shown
