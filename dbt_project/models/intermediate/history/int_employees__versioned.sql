{# One row per version of a login; rows are only ever added. #}
{{ new_versions(
    ref('int_employees__tracked'), 'account_key',
    columns=[
        'full_name', 'org_unit_key', 'position', 'is_active', 'hired_date',
        'dismissed_date',
    ],
) }}
