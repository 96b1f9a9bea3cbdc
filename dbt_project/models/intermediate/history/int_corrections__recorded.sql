{#- One entry of the books; a correction moves it between months, never changes it. -#}
{%- set entry = ['event_key', 'version_pass_id', 'is_reversal'] -%}
{%- set said = [
    'unit_path_key', 'is_lead', 'event_type', 'fact_key', 'event_date', 'deal_key',
    'lead_key', 'role', 'employee_key', 'detail', 'deal_type', 'pipeline_key',
    'channel_key', 'is_shared', 'quality', 'is_duplicate', 'is_repeat', 'is_qualified',
] -%}
{%- set measures = {
    'credit_weight': 'numeric(9, 4)',
    'amount': 'numeric(18, 2)',
    'whole_amount': 'numeric(18, 2)',
} -%}
{%- set places = entry + ['scope_keys', 'booked_month', 'correction_of_month'] -%}

{# Where entries of locked periods are booked instead: rows are only ever added. An entry
   that came after the lock is taken out of its own month (a row without
   correction_of_month) and booked into the first open month of its unit as a correction.

   A fact of several units is booked as one: where one of them is locked, all of it is.

   A locked month keeps what its author could see of it, corrections of earlier months
   included; what it lacks of the truth is what the first open month after it corrects. So
   months always sum to the truth. A month that is unlocked shows its truth again: what was
   booked elsewhere because of it is booked back, or, where that place is locked by now,
   corrected in turn. docs/adr/0006-locked-periods.md #}
with

locks as (

    select * from {{ ref('dim_period_locks') }}
    where is_active

),

lock_months as (

    select distinct period_month from locks

),

-- A lock is known to the pass after it, at the latest to the next one: entries older than
-- the publication before the last are booked.
watermark as (

    select coalesce(
        (
            select publications.data_as_of
            from {{ source('published', 'publications') }} as publications
            order by publications.publication_id desc
            limit 1 offset 1
        ),
        '-infinity'
    ) as booked_until

),

fresh as (

    select entries.*

    from {{ ref('int_entries__unioned') }} as entries

    cross join watermark

    inner join lock_months
        on date_trunc('month', entries.event_date) = lock_months.period_month

    where
        not entries.is_stock
        and entries.recorded_at > watermark.booked_until

),

-- All units of a fact, with those above them.
fresh_scopes as (

    select
        fresh.event_type,
        fresh.fact_key,
        fresh.version_pass_id,
        fresh.is_reversal,
        array_agg(distinct units.org_unit_key order by units.org_unit_key) as scope_keys

    from fresh

    inner join {{ ref('int_unit_paths__recorded') }} as paths
        on fresh.unit_path_key = paths.unit_path_key

    cross join lateral unnest(paths.ancestor_keys) as units (org_unit_key)

    group by
        fresh.event_type, fresh.fact_key, fresh.version_pass_id, fresh.is_reversal

),

fresh_entries as (

    select
        {%- for column in entry + said + measures.keys() | list %}
        fresh.{{ column }},
        {%- endfor %}
        fresh.recorded_at as entered_at,
        coalesce(fresh_scopes.scope_keys, '{}') as scope_keys

    from fresh

    left join fresh_scopes
        on
            fresh.event_type = fresh_scopes.event_type
            and fresh.fact_key = fresh_scopes.fact_key
            and fresh.version_pass_id = fresh_scopes.version_pass_id
            and fresh.is_reversal = fresh_scopes.is_reversal

),

{% if is_incremental() -%}
booked_entries as (

    select distinct on ({{ entry | join(', ') }})
        {%- for column in entry + said %}
        {{ column }},
        {%- endfor %}
        {%- for column, type in measures.items() %}
        cast({{ column }} / factor as {{ type }}) as {{ column }},
        {%- endfor %}
        entered_at,
        scope_keys

    from {{ this }}

    order by {{ entry | join(', ') }}

),

entries as (

    select * from booked_entries

    union all

    select fresh_entries.*

    from fresh_entries

    left join booked_entries
        on
            {%- for column in entry %}
            {{ 'and ' if not loop.first }}fresh_entries.{{ column }} = booked_entries.{{ column }}
            {%- endfor %}

    where booked_entries.event_key is null

),
{%- else -%}
entries as (

    select * from fresh_entries

),
{%- endif %}

scopes as (

    select distinct scope_keys from entries

),

months as (

    select cast(series.month_start as date) as period_month

    from (select min(period_month) as first_month from locks) as bounds

    cross join lateral generate_series(
        bounds.first_month,
        date_trunc('month', {{ today() }}) + interval '1 month',
        interval '1 month'
    ) as series (month_start)

),

-- Until when a month is known; empty while it is open.
locked as (

    select
        scopes.scope_keys,
        months.period_month,
        min(locks.known_at) as known_at

    from scopes

    cross join months

    left join locks
        on
            months.period_month = locks.period_month
            and (
                locks.org_unit_key is null
                or locks.org_unit_key = any(scopes.scope_keys)
            )

    group by scopes.scope_keys, months.period_month

),

calendar as (

    select
        *,
        min(period_month) filter (where known_at is null) over (
            partition by scope_keys
            order by period_month
            rows between 1 following and unbounded following
        ) as open_month

    from locked

),

{% if is_incremental() -%}

-- Where entries are booked now, and what of it a lock has seen.
booked as (

    select
        {%- for column in places %}
        corrections.{{ column }},
        {%- endfor %}
        max(corrections.booked_date) as booked_date,
        sum(corrections.factor) as factor,
        coalesce(
            sum(corrections.factor) filter (
                where corrections.recorded_at <= calendar.known_at
            ),
            0
        ) as locked_factor,
        max(calendar.known_at) is not null as is_locked

    from {{ this }} as corrections

    left join calendar
        on
            corrections.scope_keys = calendar.scope_keys
            and corrections.booked_month = calendar.period_month

    group by
        {%- for column in places %}
        corrections.{{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

),
{%- endif %}

late as (

    select
        {%- for column in entry %}
        entries.{{ column }},
        {%- endfor %}
        entries.scope_keys,
        calendar.period_month as booked_month

    from entries

    inner join calendar
        on
            entries.scope_keys = calendar.scope_keys
            and date_trunc('month', entries.event_date) = calendar.period_month

    where entries.entered_at > calendar.known_at

),

kept as (

    select
        {%- for column in entry %}
        {{ column }},
        {%- endfor %}
        scope_keys,
        booked_month,
        cast(null as date) as correction_of_month,
        -1 as factor

    from late
    {%- if is_incremental() %}

    union all

    select
        {{ places | join(',\n        ') }},
        locked_factor as factor

    from booked

    where
        is_locked
        and locked_factor <> 0
    {%- endif %}

),

-- What an entry adds to a locked month, and so what the open month after it lacks.
locked_totals as (

    select
        {%- for column in entry %}
        {{ column }},
        {%- endfor %}
        scope_keys,
        booked_month,
        sum(factor) as factor

    from kept

    group by {{ entry | join(', ') }}, scope_keys, booked_month

    having sum(factor) <> 0

),

lacking as (

    select
        {%- for column in entry %}
        locked_totals.{{ column }},
        {%- endfor %}
        locked_totals.scope_keys,
        calendar.open_month as booked_month,
        min(locked_totals.booked_month) as correction_of_month,
        -sum(locked_totals.factor) as factor

    from locked_totals

    inner join calendar
        on
            locked_totals.scope_keys = calendar.scope_keys
            and locked_totals.booked_month = calendar.period_month

    group by
        {%- for column in entry %}
        locked_totals.{{ column }},
        {%- endfor %}
        locked_totals.scope_keys,
        calendar.open_month

),

wanted as (

    select
        *,
        cast(null as date) as booked_date
    from kept

    union all

    select
        *,
        cast(null as date) as booked_date
    from lacking
    {%- if is_incremental() %}

    union all

    select
        {{ places | join(',\n        ') }},
        -factor as factor,
        booked_date

    from booked
    {%- endif %}

),

moved as (

    select
        {{ places | join(',\n        ') }},
        sum(factor) as factor,
        max(booked_date) as booked_date

    from wanted

    group by {{ places | join(', ') }}

    having sum(factor) <> 0

),

recorded as (

    select
        {%- for column in entry + said %}
        entries.{{ column }},
        {%- endfor %}
        {%- for column, type in measures.items() %}
        cast(entries.{{ column }} * moved.factor as {{ type }}) as {{ column }},
        {%- endfor %}
        entries.entered_at,
        entries.scope_keys,
        cast(moved.factor as smallint) as factor,
        moved.booked_month,
        moved.correction_of_month,
        -- A correction stands on the day that learned of it, and leaves from there.
        case
            when moved.booked_date is not null then moved.booked_date
            when moved.correction_of_month is null then entries.event_date
            else greatest(
                moved.booked_month,
                least(
                    {{ today() }},
                    cast(moved.booked_month + interval '1 month' as date) - 1
                )
            )
        end as booked_date,
        {{ pass_id() }} as pass_id,
        {{ pass_time() }} as recorded_at

    from moved

    inner join entries
        on
            {%- for column in entry %}
            {{ 'and ' if not loop.first }}moved.{{ column }} = entries.{{ column }}
            {%- endfor %}

)

select * from recorded
