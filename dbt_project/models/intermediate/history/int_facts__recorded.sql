{{ config(
    meta={'unit': 'deal_key', 'by': {'deal_key': 'coalesce(deal_key, fact_key)'}},
    pre_hook='{{ freeze_changed_units() }}',
    indexes=[
        {'columns': ['coalesce(deal_key, fact_key)']},
        {'columns': ['recorded_at'], 'type': 'brin'},
    ],
) }}

{# Books of the facts and stocks of deals. #}
{{ new_entries(ref('int_facts__tracked')) }}
