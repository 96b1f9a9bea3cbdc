{{ config(meta={
    'unit': 'deal_key',
    'clocked': "outcome = 'open' and " ~ has_ended_since('planned_settlement_date')
        ~ " or outcome = 'paused' and not is_pause_too_long or is_closing_in_future"
        ~ ' or is_contract_in_future or is_advance_in_future'
        ~ ' or is_activity_in_future or is_record_in_future',
}) }}

{# What the quality rules judge: deals that count, one row each, with the facts rules need
   and nothing else. Facts of people name a role they are true of, the first by its code. #}
with

deals as not materialized (

    select
        *,
        {{ today() }} as as_of_date
    from {{ ref('fct_deals') }}
    where
        not is_deleted
        and not is_test

),

crm_types as (

    select * from {{ source('mapping', 'deal_types') }}

),

cards as not materialized (

    select
        source_system || ':' || source_id as deal_key,
        source_system,
        crm_type,
        responsible_id,
        contract_signed_date,
        advance_received_date

    from {{ ref('int_deals__unioned') }}

),

named as (

    select
        source_system || ':' || deal_source_id as deal_key,
        role,
        source_system || ':' || employee_id as account_key

    from {{ ref('int_deal_participants__unioned') }}

    union all

    -- Whom the card is assigned to holds no role, but says where the deal belongs.
    select
        deal_key,
        'responsible' as role,
        source_system || ':' || responsible_id as account_key

    from cards

    where responsible_id is not null

),

logins as (

    select
        named.deal_key,
        min(named.role) filter (where accounts.account_key is null) as unknown_role,
        min(named.role) filter (where accounts.is_shared) as shared_role,
        array_agg(named.role) filter (where accounts.is_shared) as shared_roles

    from named

    left join {{ ref('dim_employee_accounts') }} as accounts
        on named.account_key = accounts.account_key

    group by named.deal_key

),

-- Several people in one role need parts, and the parts are the whole.
weighed as (

    select
        deal_key,
        role,
        count(*) > 1 and not bool_or(has_entered_weight) as is_unweighed,
        bool_or(has_entered_weight) and sum(weight) <> 1 as is_misweighed

    from {{ ref('int_deal_holders__spanned') }}

    where is_current

    group by deal_key, role

),

weights as (

    select
        deal_key,
        min(role) filter (where is_unweighed) as unweighed_role,
        min(role) filter (where is_misweighed) as misweighed_role

    from weighed

    group by deal_key

),

-- A role that nobody holds on the day of its fact.
empty_roles as (

    select
        deals.deal_key,
        min(moments.role) as empty_role

    from deals

    cross join lateral (
        values
        ('contract_owner', deals.first_contract_date, deals.contract_owner_name),
        ('advance_owner', deals.first_advance_date, deals.advance_owner_name),
        (
            'deal_owner',
            coalesce(deals.closing_date, deals.lost_date),
            deals.deal_owner_name
        )
    ) as moments (role, fact_date, holder_name)

    left join logins
        on deals.deal_key = logins.deal_key

    where
        moments.fact_date <= deals.as_of_date
        and moments.holder_name is null
        and (moments.role = any(logins.shared_roles)) is not true

    group by deals.deal_key

),

signed as (

    select
        deal_key,
        max(signed_date) as signed_date,
        max(terminated_date) as terminated_date
    from {{ ref('fct_contracts') }}
    group by deal_key

),

advances as (

    select
        deal_key,
        max(received_date) as received_date,
        max(outcome_date) as outcome_date
    from {{ ref('fct_advances') }}
    group by deal_key

),

held as (

    select
        deal_key,
        max(started_date) as started_date
    from {{ ref('fct_activities') }}
    where status = 'held'
    group by deal_key

),

paid as (

    select
        deal_key,
        max(operation_date) as operation_date
    from {{ ref('fct_payments') }}
    group by deal_key

),

spent as (

    select
        deal_key,
        max(greatest(incurred_date, paid_date)) as spent_date
    from {{ ref('fct_deal_expenses') }}
    group by deal_key

),

-- Client and object met, but not in the form of a showing.
met as (

    select
        deal_key,
        min(meeting_date) as unconfirmed_showing_date
    from {{ ref('fct_meetings') }}
    where unit_key is not null
    group by deal_key

),

extensions as (

    select
        reservations.deal_key,
        count(*) as extensions

    from {{ ref('fct_reservations') }} as reservations

    inner join {{ ref('fct_term_moves') }} as moves
        on
            reservations.deal_key = moves.deal_key
            and 'reservation:' || reservations.reservation_key = moves.term_key
            and moves.new_term_at > moves.old_term_at

    where reservations.is_active

    group by reservations.deal_key, reservations.reservation_key

),

extended as (

    select
        deal_key,
        max(extensions) as extensions
    from extensions
    group by deal_key

),

judged as (

    select
        deals.deal_key,

        ---------- state
        deals.stage,
        deals.outcome,
        deals.is_under_contract,
        deals.is_after_advance
        and coalesce(deals.deal_type, '') <> 'rent' as is_sale_after_advance,
        deals.is_in_preparation,
        -- A stage whose fact nobody recorded is not reached; a won one needs none.
        coalesce(deals.outcome = 'open' and deals.stage_rank > deals.max_rank, false)
            as is_stage_unconfirmed,
        coalesce(
            deals.outcome = 'paused'
            and deals.as_of_date - deals.stage_entered_date > {{ setting_value(
                'pause_limit_days', 'deals.source_system', 'deals.stage_entered_date'
            ) }}, false
        ) as is_pause_too_long,

        ---------- fields of the card
        deals.channel_label,
        deals.contract_number_uses,
        deals.contract_signed_date,
        deals.advance_received_date,
        deals.planned_settlement_date,
        deals.closing_date,
        deals.refusal_reason,

        ---------- people
        coalesce(logins.unknown_role, empty_roles.empty_role) as role_of_nobody,
        logins.shared_role as role_of_shared_login,
        weights.unweighed_role as role_without_weights,
        weights.misweighed_role as role_of_wrong_weights,
        deals.is_ownerless,

        ---------- objects
        coalesce(met.unconfirmed_showing_date <= deals.as_of_date, false)
            as is_showing_unconfirmed,
        extended.extensions as reservation_extensions,

        ---------- money
        deals.price,
        deals.commission,
        deals.commission_share,
        deals.commission_current,
        deals.is_under_contract
        and not coalesce(crm_types.is_free, false) as is_commission_due,

        ---------- dates that lie in the past or in the future
        deals.outcome = 'open'
        and coalesce({{ is_over('deals.planned_settlement_date', 'deals.as_of_date') }}, false)
            as is_planned_settlement_past,
        coalesce(deals.closing_date > deals.as_of_date, false) as is_closing_in_future,
        coalesce(
            greatest(cards.contract_signed_date, signed.signed_date) > deals.as_of_date,
            false
        ) as is_contract_in_future,
        coalesce(
            greatest(cards.advance_received_date, advances.received_date)
            > deals.as_of_date, false
        ) as is_advance_in_future,
        coalesce(held.started_date > deals.as_of_date, false) as is_activity_in_future,
        coalesce(
            greatest(
                signed.terminated_date,
                advances.outcome_date,
                paid.operation_date,
                spent.spent_date
            ) > deals.as_of_date, false
        ) as is_record_in_future

    from deals

    inner join cards
        on deals.deal_key = cards.deal_key

    left join crm_types
        on
            cards.source_system = crm_types.connection
            and cards.crm_type = crm_types.crm_type

    left join logins
        on deals.deal_key = logins.deal_key

    left join empty_roles
        on deals.deal_key = empty_roles.deal_key

    left join weights
        on deals.deal_key = weights.deal_key

    left join signed
        on deals.deal_key = signed.deal_key

    left join advances
        on deals.deal_key = advances.deal_key

    left join held
        on deals.deal_key = held.deal_key

    left join paid
        on deals.deal_key = paid.deal_key

    left join spent
        on deals.deal_key = spent.deal_key

    left join met
        on deals.deal_key = met.deal_key

    left join extended
        on deals.deal_key = extended.deal_key

)

select * from judged
