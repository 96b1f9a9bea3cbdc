{{ config(materialized='view', meta={'unit': 'deal_key'}) }}

{# The amounts of the versions, for readers of whole amounts and of the share of whoever
   held the whole deal while the version was known. #}
with

versions as (

    {{ ended_versions(ref('int_deal_registry__versioned'), 'deal_key') }}

),

holders as (

    {{ ended_versions(ref('int_deal_holders__versioned'), 'participant_key') }}

),

sole_holders as (

    select
        versions.version_key,
        array_agg(
            distinct 'share|' || holders.participant_key
            order by 'share|' || holders.participant_key
        ) as right_keys

    from versions

    inner join holders
        on
            versions.deal_key = holders.deal_key
            and versions.recorded_from < holders.recorded_to
            and versions.recorded_to > holders.recorded_from

    where holders.credit_weight = 1

    group by versions.version_key

)

select
    versions.version_key,
    versions.deal_key,
    versions.recorded_from,
    versions.recorded_to,
    {%- for column in registry_money_columns() + registry_money_words()
        + registry_states(marked_money_columns()) %}
    versions.{{ column }},
    {%- endfor %}
    array['whole|' || versions.deal_key] || coalesce(sole_holders.right_keys, '{}')
        as right_keys

from versions

left join sole_holders
    on versions.version_key = sole_holders.version_key
