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

    select entries.*
    from jsonb_to_recordset({{ dictionary_rows() }}) as entries (
        metric_id text,
        metric_order integer,
        metric_label text,
        meaning text,
        metric_kind text,
        formula text,
        unit_code text,
        additivity text,
        basis text,
        date_used text,
        role text,
        owner text,
        dataset text,
        drill text,
        version smallint,
        valid_from date,
        example_rows text,
        example_gives text,
        state text,
        missing text,
        unable text
    )

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

    {{ keys_of_everyone() }}

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
