{{ config(
    meta={'unit': 'lead_key'},
    pre_hook='{{ freeze_changed_units() }}',
    indexes=[
        {'columns': ['lead_key']},
        {'columns': ['recorded_at'], 'type': 'brin'},
    ],
) }}

{# Books of the facts and stocks of leads. #}
{{ new_entries(ref('int_lead_facts__tracked')) }}
