select
    deal_source_id,
    role,
    employee_source_id as employee_id,
    cast(null as numeric(9, 4)) as credit_weight

from {{ source('files', 'deal_participants') }}

where employee_source_id is not null
