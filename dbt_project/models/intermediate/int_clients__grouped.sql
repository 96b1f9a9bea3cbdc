{{ config(meta={'by': {'client_record': 'client_key'}}) }}

{# One row per client record, with the party it belongs to: records that share a phone,
   an e-mail, a tax number or a company are one party, and so are those that such a
   record connects. The lowest key spreads over {{ rounds }} rounds: records connected
   only by a longer chain stay apart, and a phone or e-mail of more than 50 records
   (a placeholder, a call centre) connects nobody. #}
{%- set rounds = 4 %}

with

identified as not materialized (

    select * from {{ ref('int_clients__identified') }}

),

clients as (

    select distinct client_key from identified

),

shared_identities as (

    select identity
    from identified
    group by identity
    having
        count(*) > 1
        and (count(*) <= 50 or identity like 'company:%')

),

links as (

    select
        identified.client_key,
        identified.identity

    from identified

    inner join shared_identities
        on identified.identity = shared_identities.identity

),

round_0 as (

    select distinct
        client_key,
        client_key as party_key

    from links

),

{% for number in range(1, rounds + 1) %}
identities_{{ number }} as (

    select
        links.identity,
        min(round_{{ number - 1 }}.party_key) as party_key

    from links

    inner join round_{{ number - 1 }}
        on links.client_key = round_{{ number - 1 }}.client_key

    group by links.identity

),

round_{{ number }} as (

    select
        links.client_key,
        min(identities_{{ number }}.party_key) as party_key

    from links

    inner join identities_{{ number }}
        on links.identity = identities_{{ number }}.identity

    group by links.client_key

),

{% endfor -%}

grouped as (

    select
        clients.client_key,
        coalesce(round_{{ rounds }}.party_key, clients.client_key) as party_key

    from clients

    left join round_{{ rounds }}
        on clients.client_key = round_{{ rounds }}.client_key

)

select * from grouped
