{# Entries of the books of facts: how they are made, and how their codes and keys get their
   words. #}

{# Books of facts: rows to append, one per entry, and entries are only ever added. A fact
   that appears has an entry with its measures; when it says something else or vanishes,
   the entry is taken back by one with the opposite measures, and what it says now is a
   new entry. So the facts known at a moment are the entries recorded until then, and a sum
   over these is what the sum was.

   A fact of several people is entered and taken back as a whole: what a group or the
   company had of it cannot be told from one person's part. #}
{% macro new_entries(tracked) -%}
    {#- What a fact says; each is also a column of an entry. -#}
    {%- set said = [
        'event_type', 'fact_key', 'event_date', 'deal_key', 'lead_key', 'role',
        'employee_key', 'unit_path_key', 'detail', 'deal_type', 'pipeline_key',
        'channel_key', 'stage', 'credit_weight', 'amount', 'whole_amount', 'is_shared',
        'quality', 'is_duplicate', 'is_repeat', 'is_qualified', 'counted_from',
        'counted_weight', 'counted_total_weight',
    ] -%}
    {%- set measures = ['credit_weight', 'amount', 'whole_amount'] -%}
with

{% if is_incremental() -%}
tracked as not materialized (

    select * from {{ tracked }}

),

open_entries as not materialized (

    select entries.*

    from {{ entries_of_changed() }} as entries

    left join {{ entries_of_changed() }} as reversals
        on
            entries.event_key = reversals.event_key
            and entries.version_pass_id = reversals.version_pass_id
            and reversals.is_reversal

    where
        not entries.is_reversal
        and reversals.event_key is null

),

differing as (

    select
        tracked.event_type,
        tracked.fact_key,
        open_entries.event_type as known_event_type,
        open_entries.fact_key as known_fact_key

    from tracked

    full join open_entries
        on tracked.event_key = open_entries.event_key

    where
        tracked.event_key is null
        or open_entries.event_key is null
        or (
            {%- for column in said %}
            tracked.{{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
        ) is distinct from (
            {%- for column in said %}
            open_entries.{{ column }}{{ ',' if not loop.last }}
            {%- endfor %}
        )

),

changed_facts as (

    select
        event_type,
        fact_key
    from differing

    union

    select
        known_event_type as event_type,
        known_fact_key as fact_key
    from differing

),

entered as (

    select
        open_entries.event_key,
        open_entries.version_pass_id,
        true as is_reversal,
        open_entries.is_stock,
        {%- for column in said %}
        {{ '-' if column in measures }}open_entries.{{ column }} as {{ column }}
            {{- ',' if not loop.last }}
        {%- endfor %}

    from open_entries

    inner join changed_facts
        on
            open_entries.event_type = changed_facts.event_type
            and open_entries.fact_key = changed_facts.fact_key

    union all

    select
        tracked.event_key,
        {{ pass_id() }} as version_pass_id,
        false as is_reversal,
        tracked.is_stock,
        {%- for column in said %}
        tracked.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from tracked

    inner join changed_facts
        on
            tracked.event_type = changed_facts.event_type
            and tracked.fact_key = changed_facts.fact_key

),
{%- else -%}
entered as (

    select
        event_key,
        {{ pass_id() }} as version_pass_id,
        false as is_reversal,
        is_stock,
        {%- for column in said %}
        {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from {{ tracked }}

),
{%- endif %}

recorded as (

    select
        *,
        {{ pass_id() }} as pass_id,
        {{ pass_time() }} as recorded_at

    from entered

)

select * from recorded
{%- endmacro %}

{# The books so far; in a pass of changes those of the changed units. #}
{% macro entries_of_changed() -%}
    {{ changed_rows(this, units_of(model).values() | first)
        if is_pass_of_changes() else this }}
{%- endmacro %}

{# The place in the tree of a fact that is in no unit. #}
{% macro no_unit_path() -%}
    cast('00000000-0000-0000-0000-000000000000' as uuid)
{%- endmacro %}

{# Labels of an entry's codes, as the firm calls them today. #}
{% macro entry_labels(entries) -%}
        coalesce(deal_types.label, {{ entries }}.deal_type) as deal_type_label,
        coalesce(
            pipelines.label,
            substr({{ entries }}.pipeline_key, strpos({{ entries }}.pipeline_key, ':') + 1)
        ) as pipeline_label,
        coalesce(
            channels.channel_label,
            substr({{ entries }}.channel_key, strpos({{ entries }}.channel_key, ':') + 1)
        ) as channel_label
{%- endmacro %}

{% macro join_entry_labels(entries) -%}
    left join {{ ref('deal_types') }} as deal_types
        on {{ entries }}.deal_type = deal_types.deal_type

    left join {{ source('mapping', 'pipelines') }} as pipelines
        on {{ entries }}.pipeline_key = pipelines.connection || ':' || pipelines.pipeline

    left join {{ ref('dim_channels') }} as channels
        on {{ entries }}.channel_key = channels.channel_key
{%- endmacro %}

{# What people and units were called on each of some days: CTEs `people` and `units`, by
   as_of_date and recorded_before of a relation. #}
{% macro names_as_known(days) -%}
    {%- set names = {
        'people': ('int_employees__versioned', 'account_key', 'full_name'),
        'units': ('int_org_units__versioned', 'org_unit_key', 'name'),
    } -%}
    {%- for relation, (model, key, name) in names.items() -%}
{{ relation }} as (

    select distinct on ({{ days }}.as_of_date, versions.{{ key }})
        {{ days }}.as_of_date,
        versions.{{ key }},
        versions.{{ name }}

    from {{ ref(model) }} as versions

    inner join {{ days }}
        on versions.recorded_from < {{ days }}.recorded_before

    where versions.is_present

    order by
        {{ days }}.as_of_date asc, versions.{{ key }} asc, versions.version_no desc

){{ ',\n\n' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# Person and place of an entry, called as they were on its as_of_date. #}
{% macro unit_columns_as_known(entries) -%}
        case
            when {{ entries }}.employee_key = 'unassigned' then {{ text('unassigned') }}
            else coalesce(people.full_name, split_part({{ entries }}.employee_key, ':', 2))
        end as employee_name,
        paths.group_key,
        case
            when paths.group_key is null then {{ text('no_group') }}
            else groups.name
        end as group_name,
        paths.department_key,
        case
            when paths.department_key is null then {{ text('no_department') }}
            else departments.name
        end as department_name,
        paths.ancestor_keys
{%- endmacro %}

{% macro join_names_as_known(entries) -%}
    inner join {{ ref('int_unit_paths__recorded') }} as paths
        on {{ entries }}.unit_path_key = paths.unit_path_key

    left join people
        on
            {{ entries }}.as_of_date = people.as_of_date
            and {{ entries }}.employee_key = people.account_key

    left join units as groups
        on
            {{ entries }}.as_of_date = groups.as_of_date
            and paths.group_key = groups.org_unit_key

    left join units as departments
        on
            {{ entries }}.as_of_date = departments.as_of_date
            and paths.department_key = departments.org_unit_key
{%- endmacro %}

{# Each additive measure of a mart in a row of its own, where it is not zero: columns
   `metric` and `measured` beside those of the relation. #}
{% macro measures_as_rows(relation, dataset) -%}
    cross join lateral (
        values
        {%- for measure in kept_measures(dataset) %}
        ('{{ measure.name }}', {{ relation }}.{{ measure.name }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as told (metric, measured)
{%- endmacro %}

{# Measures that a locked period keeps: what corrections say of themselves is not corrected. #}
{% macro kept_measures(dataset) -%}
    {%- set found = [] -%}
    {%- for measure in measures_in(dataset) if 'correction_of_month' not in measure.expr -%}
        {%- do found.append(measure) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
