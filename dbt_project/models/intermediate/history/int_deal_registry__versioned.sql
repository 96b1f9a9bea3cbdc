{{ config(
    meta={'unit': 'deal_key'},
    pre_hook='{{ freeze_changed_units() }}',
    indexes=[{'columns': ['deal_key']}],
) }}

{# One row per version of a deal's row in the registry; rows are only ever added. #}
{% set moments = ['modified_at', 'limit_at'] -%}
{% set columns = registry_versioned_columns() | reject('in', moments) | list
    + registry_money_columns() + registry_money_words()
    + registry_states(marked_columns() + marked_money_columns()) -%}

{{ new_versions(
    ref('int_deal_registry__described'), 'deal_key', columns=columns, moments=moments
) }}
