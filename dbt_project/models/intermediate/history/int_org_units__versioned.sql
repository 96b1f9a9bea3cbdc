{# One row per version of a unit; rows are only ever added. #}
{{ new_versions(
    ref('int_org_units__tracked'), 'org_unit_key',
    columns=['name', 'parent_key', 'head_account_key'],
) }}
