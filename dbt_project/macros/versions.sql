{# History of a relation: rows to append to its own table, one per record whose stored
   attributes are not those of its last version. A record that vanished gets a version
   without attributes (is_present = false); one that comes back gets a new version.

   Its model lies in intermediate/history, whose settings say that rows are only added. A
   new tracked column gives every record one version in the pass that first sees it.

   recorded_from: the pass that saw it. changed_after: the last load before that still
   saw the version before; empty for the first one. moments: columns that are timestamps,
   compared apart from the session's time zone. parts: columns that belong to the key and
   stay in the version of a record that vanished; the model's unit must be among them. #}
{% macro new_versions(tracked, key, columns, moments=[], parts=[]) -%}
{%- set unit = (model.config.meta or {}).get('unit') %}
with

loads as (

    select
        loads.connection,
        max(loads.loaded_at) as loaded_at

    from {{ source('ops', 'loads') }} as loads

    inner join {{ source('ops', 'passes') }} as passes
        on loads.pass_id = passes.pass_id

    where passes.outcome in ('published', 'unchanged')

    group by loads.connection

),

tracked as (

    select
        *,
        md5(cast(row(
            {%- for column in columns + moments %}
            {{ "extract(epoch from " ~ column ~ ")" if column in moments else column
            }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) as text)) as version_hash

    from {{ tracked }}

),

{% if is_incremental() -%}
numbered as (

    select
        {{ key }},
        max(version_no) as version_no

    from {{ this }}

    {% if unit and is_pass_of_changes() -%}
    where {{ unit }} in (select key from changed_units)

    {% endif -%}
    group by {{ key }}

),

latest as (

    select
        versions.{{ key }},
        versions.source_system,
        {%- for column in parts %}
        versions.{{ column }},
        {%- endfor %}
        versions.version_no,
        versions.version_hash,
        versions.is_present,
        versions.recorded_from

    from {{ this }} as versions

    inner join numbered
        on
            versions.{{ key }} = numbered.{{ key }}
            and versions.version_no = numbered.version_no

),
{%- else -%}
latest as (

    select
        cast(null as text) as {{ key }},
        cast(null as text) as source_system,
        {%- for column in parts %}
        cast(null as text) as {{ column }},
        {%- endfor %}
        cast(null as integer) as version_no,
        cast(null as text) as version_hash,
        cast(null as boolean) as is_present,
        cast(null as timestamptz) as recorded_from

    where false

),
{%- endif %}

changed as (

    select
        tracked.{{ key }},
        tracked.source_system,
        coalesce(latest.version_no, 0) + 1 as version_no,
        latest.recorded_from as previous_recorded_from,
        true as is_present,
        tracked.version_hash,
        {%- for column in parts + columns + moments %}
        tracked.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from tracked

    left join latest
        on tracked.{{ key }} = latest.{{ key }}

    where tracked.version_hash is distinct from latest.version_hash

    union all

    select
        latest.{{ key }},
        latest.source_system,
        latest.version_no + 1 as version_no,
        latest.recorded_from as previous_recorded_from,
        false as is_present,
        'absent' as version_hash,
        {%- for column in parts %}
        latest.{{ column }},
        {%- endfor %}
        {%- for column in columns + moments %}
        null as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from latest

    left join tracked
        on latest.{{ key }} = tracked.{{ key }}

    where
        latest.is_present
        and tracked.{{ key }} is null

),

recorded as (

    select
        changed.{{ key }} || '|' || changed.version_no as version_key,
        changed.{{ key }},
        changed.source_system,
        changed.version_no,
        {{ pass_time() }} as recorded_from,
        case
            when changed.previous_recorded_from is not null
                then greatest(changed.previous_recorded_from, loads.loaded_at)
        end as changed_after,
        changed.is_present,
        changed.version_hash,
        {%- for column in parts + columns + moments %}
        changed.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from changed

    left join loads
        on changed.source_system = loads.connection

)

select * from recorded
{%- endmacro %}

{# The same rows with the end of each version: recorded_to is the next one's start, and
   the interval is half-open. Two versions of one pass time leave an empty interval. #}
{% macro spanned_versions(versions, key) -%}
with

versions as (

    select * from {{ versions }}

),

spanned as (

    select
        versions.*,
        lead(versions.recorded_from) over (
            partition by versions.{{ key }}
            order by versions.version_no
        ) as recorded_to,
        lead(versions.version_no) over (
            partition by versions.{{ key }}
            order by versions.version_no
        ) is null as is_current

    from versions

)

select * from spanned
{%- endmacro %}

{# Versions that show values, each with its end; the last one ends never. #}
{% macro ended_versions(versions, key) -%}
    select
        versions.*,
        coalesce(followers.recorded_from, 'infinity') as recorded_to

    from {{ versions }} as versions

    left join {{ versions }} as followers
        on
            versions.{{ key }} = followers.{{ key }}
            and versions.version_no + 1 = followers.version_no

    where versions.is_present
{%- endmacro %}

{# Whether a version was the one that was known at the end of a day. #}
{% macro was_known(versions, recorded_before) -%}
    {{ versions }}.recorded_from < {{ recorded_before }}
            and {{ versions }}.recorded_to >= {{ recorded_before }}
{%- endmacro %}
