{{ config(
    meta={'unit': 'deal_key'},
    pre_hook='{{ freeze_changed_units() }}',
    indexes=[{'columns': ['deal_key']}],
) }}

{# One row per version of a holder's part of a deal; rows are only ever added. #}
{{ new_versions(
    ref('int_deal_holders__shared'), 'participant_key',
    parts=['deal_key'],
    columns=registry_money_columns() + registry_money_words()
        + registry_states(marked_money_columns()),
) }}
