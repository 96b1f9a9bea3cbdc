{{ config(meta={
    'unit': 'party_key',
    'by': {'lead_key': 'lead_key'},
    'also_changed': parties_of_changed_requests(),
}) }}

{# One row per lead that counts and has an earlier request of the same party: is it a
   duplicate, and of what, or does a client come again.

   A duplicate shares a phone or an e-mail with an earlier lead or deal that was still
   open when the lead came, or had been lost within `duplicate_window_days`. After a won
   deal, or long after a loss, the client comes again. A lead that became a deal is
   judged by its deal. A party of more than 500 requests is no client. #}
with

requests as (
    {%- for kind in ['lead', 'deal'] %}

    select
        '{{ kind }}' as request_kind,
        {{ kind }}_key as request_key,
        source_system,
        outcome,
        created_at,
        created_date,
        finished_at,
        identities,
        party_key

    from {{ ref('int_' ~ kind ~ '_requests__identified') }}
        {%- if not loop.last %}

    union all
        {%- endif %}
    {%- endfor %}

),

counted as (

    select
        *,
        count(*) over (partition by party_key) as party_requests

    from requests

),

pairs as (

    select
        leads.request_key as lead_key,
        leads.party_key,
        leads.source_system,
        leads.created_at,
        leads.created_date,
        earlier.request_key as earlier_key,
        earlier.request_kind as earlier_kind,
        earlier.created_at as earlier_created_at,
        earlier.outcome as earlier_outcome,
        earlier.finished_at as earlier_finished_at,
        leads.identities && earlier.identities as is_exact

    from counted as leads

    inner join requests as earlier
        on
            leads.party_key = earlier.party_key
            and (leads.created_at, leads.request_kind, leads.request_key)
            > (earlier.created_at, earlier.request_kind, earlier.request_key)

    where
        leads.request_kind = 'lead'
        and leads.party_requests between 2 and 500

),

-- Without conditions of its own: one in a branch of a union keeps its index out of reach.
visits as (

    select
        'lead' as request_kind,
        lead_key as request_key,
        'api_history' as source_of_fact,
        entered_at,
        left_at,
        case
            when state = 'spam' then 'spam'
            when outcome = 'paused' then 'open'
            else outcome
        end as state

    from {{ ref('int_lead_stage_visits__mapped') }}

    union all

    select
        'deal' as request_kind,
        deal_key as request_key,
        source_of_fact,
        entered_at,
        left_at,
        case stage when 'closed_won' then 'won' when 'lost' then 'lost' else 'open' end
            as state

    from {{ ref('int_stage_visits__limited') }}

),

-- The stay that the earlier request was in when the lead came.
stays as (

    select
        pairs.lead_key,
        pairs.earlier_kind,
        pairs.earlier_key,
        visits.state,
        visits.entered_at

    from pairs

    inner join visits
        on
            pairs.earlier_kind = visits.request_kind
            and pairs.earlier_key = visits.request_key
            and pairs.created_at >= visits.entered_at
            and (visits.left_at is null or pairs.created_at < visits.left_at)

    where visits.source_of_fact = 'api_history'

),

-- Without a history, what the card says is taken.
stated as (

    select
        pairs.*,
        case
            when stays.state is not null then stays.state
            when pairs.earlier_finished_at <= pairs.created_at then pairs.earlier_outcome
            else 'open'
        end as earlier_state,
        coalesce(stays.entered_at, pairs.earlier_finished_at) as earlier_state_at

    from pairs

    left join stays
        on
            pairs.lead_key = stays.lead_key
            and pairs.earlier_kind = stays.earlier_kind
            and pairs.earlier_key = stays.earlier_key

),

judged as (

    select
        *,
        earlier_state = 'open'
        or (
            earlier_state = 'lost'
            and created_date - {{ business_date('earlier_state_at') }}
            <= cast(
                {{ setting_value('duplicate_window_days', 'source_system', 'created_date') }}
                as integer
            )
        ) as is_recent

    from stated

    where earlier_state not in ('converted', 'spam')

),

matched as (

    select
        lead_key,
        party_key,
        bool_or(is_exact and is_recent) as is_duplicate,
        bool_or(not is_recent) as has_past_request,
        (
            array_agg(
                earlier_kind || ' ' || earlier_key
                order by earlier_created_at, earlier_kind, earlier_key
            )
            filter (where is_exact and is_recent)
        )[1] as duplicate_of

    from judged

    group by lead_key, party_key

)

select
    lead_key,
    party_key,
    is_duplicate,
    duplicate_of,
    has_past_request and not is_duplicate as is_repeat

from matched
