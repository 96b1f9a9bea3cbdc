select
    deal_key,
    role,
    sum(credit_weight) as weights

from {{ ref('fct_deal_participants') }}

group by deal_key, role

having sum(credit_weight) <> 1
