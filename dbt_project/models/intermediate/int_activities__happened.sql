{{ config(meta={
    'unit': 'deal_key',
    'by': {'deal_key': "coalesce(deal_key, fact_key)"},
    'clocked': 'event_date > {previous_day}',
}) }}

{# What people did with clients, in the shape of every dated fact. Robots do nothing. A
   thing that took place was planned, too: of a meeting entered twice once. #}
with

activities as not materialized (

    select * from {{ ref('fct_activities') }}
    where not is_auto

),

meetings as not materialized (

    select * from {{ ref('fct_meetings') }}

),

showings as not materialized (

    select * from {{ ref('fct_showings') }}

),

settings as (

    select * from {{ ref('dim_settings') }}
    where setting = 'effective_call_sec'

),

calls as (

    select
        activities.*,
        activities.duration_s >= settings.value as is_effective

    from activities

    left join settings
        on
            activities.source_system = settings.source_system
            and activities.started_date >= settings.valid_from
            and activities.started_date < settings.valid_to

    where
        activities.activity_type = 'call'
        and activities.direction = 'out'
        and activities.started_at is not null

),

-- Showings that it took to close a deal; a deal may do without.
won_deals as (

    select
        deals.deal_key,
        deals.closing_date,
        count(showings.showing_key) as showings

    from {{ ref('int_deals__mapped') }} as deals

    left join showings
        on
            deals.deal_key = showings.deal_key
            and showings.status = 'held'
            and showings.showing_date <= {{ today() }}

    where
        deals.outcome = 'won'
        and deals.closing_date is not null

    group by deals.deal_key, deals.closing_date

),

{% set facts = [
    ('call_made', 'calls', 'activity_key', 'started_date', 'lead_handler', 'null', 'true'),
    ('call_effective', 'calls', 'activity_key', 'started_date', 'lead_handler', 'null',
        'is_effective'),
    ('meeting_held', 'meetings', 'meeting_key', 'meeting_date', 'meeting_host', 'null',
        'true'),
    ('meeting_held_as_planned', 'meetings', 'meeting_key', 'planned_date',
        'meeting_host', 'null', 'true'),
    ('meeting_first', 'meetings', 'meeting_key', 'meeting_date', 'meeting_host', 'null',
        'is_first'),
    ('meeting_planned', 'meetings', 'meeting_key', 'planned_date', 'meeting_host',
        "'held'", 'true'),
    ('meeting_planned', 'activities', 'activity_key', 'planned_date', 'meeting_host',
        'status', "activity_type = 'meeting' and status <> 'held'"),
    ('showing_unconfirmed', 'meetings', 'meeting_key', 'meeting_date', 'showing_host',
        'null', 'unit_key is not null'),
    ('showing_planned', 'showings', 'showing_key', 'planned_date', 'showing_host',
        'status', 'true'),
    ('showing_held', 'showings', 'showing_key', 'showing_date', 'showing_host', 'null',
        "status = 'held'"),
    ('showing_of_unit', 'showings', 'showing_key', 'showing_date', 'showing_host',
        'party_unit_key', 'party_unit_key is not null'),
    ('showing_failed', 'showings', 'showing_key', 'planned_date', 'showing_host',
        'reason', "status = 'failed'"),
] -%}

happened as (
    {% for event_type, relation, key, date, role, detail, condition in facts %}

    select
        '{{ event_type }}' as event_type,
        {{ key }} as fact_key,
        {{ date }} as event_date,
        deal_key,
        '{{ role }}' as role,
        employee_key,
        cast({{ detail }} as text) as detail,
        cast(null as numeric(18, 2)) as amount

    from {{ relation }}

    where
        {{ date }} is not null
        and {{ condition }}

    union all
    {% endfor %}

    select
        'deal_showings' as event_type,
        deal_key as fact_key,
        closing_date as event_date,
        deal_key,
        'deal_owner' as role,
        cast(null as text) as employee_key,
        case when showings = 0 then 'none' end as detail,
        cast(showings as numeric(18, 2)) as amount

    from won_deals

)

select * from happened
