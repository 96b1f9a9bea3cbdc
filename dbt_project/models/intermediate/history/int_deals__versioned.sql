{{ config(
    meta={'unit': 'deal_key'},
    pre_hook='{{ freeze_changed_units() }}',
    indexes=[{'columns': ['deal_key']}],
) }}

{# One row per version of a deal; rows are only ever added. #}
{{ new_versions(
    ref('int_deals__tracked'), 'deal_key',
    columns=[
        'pipeline', 'crm_stage', 'crm_type', 'crm_channel', 'refusal_reason',
        'contract_number', 'responsible_account_key', 'holders', 'currency', 'price',
        'commission', 'partner_share', 'direct_expenses', 'paid_amount',
        'advance_amount', 'contract_signed_date', 'advance_received_date',
        'advance_expiry_date', 'planned_settlement_date', 'settlement_date',
        'lost_date', 'is_test', 'modified_by_account_key', 'settlement_change_reason',
    ],
    moments=['modified_at', 'deleted_at'],
) }}
