{{ config(meta={
    'unit': 'deal_key',
    'by': {'deal_key': 'coalesce(deal_key, fact_key)'},
    'clocked': 'event_date > {previous_day}',
}) }}

{# One row per change of a watched field or of a term, and per fact entered after its day. #}
with

changes as not materialized (

    select * from {{ ref('int_deal_fields__changed') }}

),

entries as not materialized (

    select * from {{ ref('fct_deal_entries') }}

),

-- What a plan lost or won belongs to the month it was planned for: on the day of the
-- change, where that lies in the month, else on the month's nearest day.
moved as (

    select
        *,
        greatest(
            cast(date_trunc('month', old_date) as date),
            least(change_date, {{ month_end('old_date') }})
        ) as moved_out_date,
        greatest(
            cast(date_trunc('month', new_date) as date),
            least(change_date, {{ month_end('new_date') }})
        ) as moved_in_date

    from changes

    where moved_revenue is not null

),

terms as (

    select * from {{ ref('fct_term_moves') }}

),

{% set fields = [
    ('planned_settlement_date', 'settlement_date_changed'),
    ('commission', 'commission_changed'),
    ('deal_owner', 'owner_changed'),
    ('channel', 'channel_changed'),
    ('price', 'price_changed'),
] -%}
{%- set month_detail = "case when is_across_month then 'across_month'"
    " when is_across_month is false then 'within_month' end" -%}
{%- set facts = [
    ('settlement_changed_late', 'changes', 'change_key', 'change_date', 'deal_owner',
        'null', 'null', 'shift_days', 'is_late'),
    ('settlement_change_unexplained', 'changes', 'change_key', 'change_date',
        'deal_owner', 'null', 'null', 'null', 'is_reason_missing'),
    ('revenue_moved_out', 'moved', 'change_key', 'moved_out_date', 'deal_owner', 'null',
        'null', 'moved_revenue', 'true'),
    ('revenue_moved_in', 'moved', 'change_key', 'moved_in_date', 'deal_owner', 'null',
        'null', 'moved_revenue', 'true'),
    ('entry_backdated', 'entries', 'entry_key', 'entry_date', 'deal_owner', 'null',
        'fact_type', 'null', 'is_backdated'),
    ('entry_measured', 'entries', 'entry_key', 'entry_date', 'deal_owner', 'null',
        'fact_type', 'entry_lag_days', 'entry_lag_days is not null'),
    ('meeting_rescheduled', 'terms', 'move_key', 'moved_date', 'meeting_host',
        'author_key', 'null', 'null', "term_type = 'meeting'"),
    ('reservation_extended', 'terms', 'move_key', 'moved_date', 'deal_owner',
        'author_key', 'null', 'null',
        "term_type = 'reservation' and new_term_at > old_term_at"),
] -%}
{%- for field, event_type in fields -%}
    {%- do facts.append((
        event_type, 'changes', 'change_key', 'change_date', 'deal_owner', 'null',
        month_detail, 'shift_days', "field = '" ~ field ~ "'",
    )) -%}
{%- endfor %}

happened as (
    {% for event_type, relation, key, date, role, person, detail, amount, condition in facts %}

    select
        '{{ event_type }}' as event_type,
        {{ key }} as fact_key,
        {{ date }} as event_date,
        deal_key,
        '{{ role }}' as role,
        cast({{ person }} as text) as employee_key,
        cast({{ detail }} as text) as detail,
        cast({{ amount }} as numeric(18, 2)) as amount

    from {{ relation }}

    where {{ condition }}
    {%- if not loop.last %}

    union all
    {%- endif %}
    {% endfor %}

)

select * from happened
