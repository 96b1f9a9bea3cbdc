select * from {{ ref('int_org_units__pathed') }}
