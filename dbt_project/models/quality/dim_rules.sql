select
    rules.rule_id,
    rules.title,
    rules.hint,
    rules.owner,
    rules.severity,
    rules.column_name,
    rules.cell_state,
    cell_states.code as cell_state_code,
    cell_states.icon

from {{ source('checks', 'rules') }} as rules

inner join {{ ref('cell_states') }} as cell_states
    on rules.cell_state = cell_states.cell_state
