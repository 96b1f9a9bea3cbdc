{{ config(meta={'unit': 'deal_key'}) }}

{# One row per deal, watched field and version that shows a value: only deals that have
   changed since they were first seen. Values are in canonical codes and people. #}
with

versions as (

    select * from {{ ref('int_deals__versioned') }}
    where is_present

),

accounts as (

    select * from {{ ref('dim_employee_accounts') }}

),

changed_deals as (

    select deal_key
    from versions
    group by deal_key
    having count(*) > 1

),

watched as (

    select
        versions.*,
        coalesce(channels.code, versions.crm_channel) as channel

    from versions

    inner join changed_deals
        on versions.deal_key = changed_deals.deal_key

    {{ join_said('channels', 'versions', ['crm_channel']) }}

),

listed_owners as (

    select
        deal_key,
        version_no,
        unnest(holders) as holder

    from watched

),

owners as (

    select
        listed_owners.deal_key,
        listed_owners.version_no,
        string_agg(
            distinct {{ employee_key_of('accounts') }},
            ', ' order by {{ employee_key_of('accounts') }}
        ) as owner_keys

    from listed_owners

    left join accounts
        on substr(listed_owners.holder, length('deal_owner||') + 1) = accounts.account_key

    where listed_owners.holder like 'deal\_owner||%'

    group by listed_owners.deal_key, listed_owners.version_no

),

seen as (
    {% set fields = [
        ('planned_settlement_date', 'cast(watched.planned_settlement_date as text)'),
        ('commission', 'cast(watched.commission as text)'),
        ('price', 'cast(watched.price as text)'),
        ('channel', 'watched.channel'),
    ] -%}
    {% for field, value in fields %}

    select
        watched.deal_key,
        '{{ field }}' as field,
        watched.version_no,
        {{ value }} as seen_value

    from watched

    where {{ value }} is not null

    union all
    {% endfor %}

    select
        deal_key,
        'deal_owner' as field,
        version_no,
        owner_keys as seen_value

    from owners

)

select
    seen.deal_key,
    watched.source_system,
    seen.field,
    seen.version_no,
    seen.seen_value,
    watched.recorded_from,
    watched.changed_after,
    watched.modified_at,
    watched.modified_by_account_key,
    watched.settlement_change_reason,
    watched.commission - coalesce(watched.partner_share, 0) as expected_revenue

from seen

inner join watched
    on
        seen.deal_key = watched.deal_key
        and seen.version_no = watched.version_no
