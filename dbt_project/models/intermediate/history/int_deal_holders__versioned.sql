{{ config(
    meta={'unit': 'deal_key'},
    pre_hook='{{ freeze_changed_units() }}',
    indexes=[{'columns': ['deal_key']}],
) }}

{# One row per version of a holder of a role; rows are only ever added. #}
{{ new_versions(
    ref('int_deal_holders__listed'), 'participant_key',
    parts=['deal_key', 'role', 'employee_key'],
    columns=[
        'money_role', 'employee_name', 'group_name', 'department_name', 'unit_keys',
        'credit_weight',
    ],
) }}
