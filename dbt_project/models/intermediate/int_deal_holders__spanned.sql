{{ config(meta={'unit': 'deal_key'}) }}

{# One row per deal, role, person and span of days: who held the role, with the person's
   weight in the set of that span. The spans of a deal and role cover all days, because a
   fact always has a holder where anybody was ever named: the first known set reaches back
   for ever, an emptied role keeps its last one. is_current: the card shows the person. #}
with

participants as (

    select * from {{ ref('int_deal_participants__unioned') }}

),

versions as (

    select
        deal_key,
        version_no,
        holders,
        {{ business_date('recorded_from') }} as seen_date

    from {{ ref('int_deals__versioned') }}

    where is_present

),

accounts as (

    select * from {{ ref('dim_employee_accounts') }}

),

-- Most deals have had one set of holders all their life; only the others need the walk.
handed_over as (

    select deal_key
    from versions
    group by deal_key
    having min(holders) <> max(holders)

),

daily as (

    select distinct on (versions.deal_key, versions.seen_date)
        versions.deal_key,
        versions.seen_date,
        versions.holders

    from versions

    inner join handed_over
        on versions.deal_key = handed_over.deal_key

    order by versions.deal_key asc, versions.seen_date asc, versions.version_no desc

),

last_days as (

    select
        deal_key,
        max(seen_date) as last_date
    from daily
    group by deal_key

),

listed as (

    select
        deal_key,
        seen_date,
        unnest(holders) as holder
    from daily

),

sets as (

    select
        deal_key,
        split_part(holder, '|', 1) as role,
        seen_date,
        array_agg(holder order by holder) as holders

    from listed

    group by deal_key, split_part(holder, '|', 1), seen_date

),

compared as (

    select
        *,
        lag(holders) over (partition by deal_key, role order by seen_date)
            as previous_holders,
        max(seen_date) over (partition by deal_key, role) as last_named_date
    from sets

),

moved as (

    select
        compared.deal_key,
        compared.role,
        compared.holders,
        case
            when compared.previous_holders is null then cast('-infinity' as date)
            else compared.seen_date
        end as valid_from,
        coalesce(
            lead(compared.seen_date) over (
                partition by compared.deal_key, compared.role
                order by compared.seen_date
            ),
            'infinity'
        ) as valid_to,
        compared.last_named_date = last_days.last_date as is_named_now

    from compared

    inner join last_days
        on compared.deal_key = last_days.deal_key

    where compared.holders is distinct from compared.previous_holders

),

moved_holders as (

    select
        deal_key,
        role,
        valid_from,
        valid_to,
        is_named_now and valid_to = 'infinity' as is_current,
        unnest(holders) as holder

    from moved

),

spanned as (

    select
        deal_key,
        role,
        substr(
            holder,
            length(role) + length(split_part(holder, '|', 2)) + 3
        ) as account_key,
        cast(nullif(split_part(holder, '|', 2), '') as numeric(9, 4)) as entered_weight,
        valid_from,
        valid_to,
        is_current

    from moved_holders

    union all

    select
        participants.source_system || ':' || participants.deal_source_id as deal_key,
        participants.role,
        participants.source_system || ':' || participants.employee_id as account_key,
        participants.credit_weight as entered_weight,
        cast('-infinity' as date) as valid_from,
        cast('infinity' as date) as valid_to,
        true as is_current

    from participants

    left join handed_over
        on
            participants.source_system || ':' || participants.deal_source_id
            = handed_over.deal_key

    where handed_over.deal_key is null

),

-- Two logins of one person are one holder. Shares that nobody entered are equal.
united as (

    select
        spanned.deal_key,
        spanned.role,
        {{ employee_key_of('accounts') }} as employee_key,
        spanned.valid_from,
        spanned.valid_to,
        spanned.is_current,
        sum(coalesce(spanned.entered_weight, 1)) as weight,
        count(spanned.entered_weight) > 0 as has_entered_weight

    from spanned

    left join accounts
        on spanned.account_key = accounts.account_key

    group by
        spanned.deal_key,
        spanned.role,
        {{ employee_key_of('accounts') }},
        spanned.valid_from,
        spanned.valid_to,
        spanned.is_current

),

weighed as (

    select
        *,
        sum(weight) over (partition by deal_key, role, valid_from) as total_weight,
        -- Where one person has to answer: the largest share, then the lowest key.
        row_number() over (
            partition by deal_key, role, valid_from
            order by weight desc, length(employee_key) asc, employee_key asc
        ) as holder_no

    from united

)

select * from weighed
