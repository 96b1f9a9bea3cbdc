select
    source_system || ':' || source_id as unit_key,
    source_system,
    source_id,
    title,
    lot,
    list_price,
    status,
    area_m2

from {{ ref('int_units__unioned') }}

where deleted_at is null
