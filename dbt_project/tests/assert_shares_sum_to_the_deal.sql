-- Parts of a split fact sum to the whole: amounts kopeck by kopeck, credit to one.
select
    fact_type,
    fact_key,
    sum(amount) as parts_amount,
    max(whole_amount) as whole_amount,
    sum(credit_weight) as parts_credit

from {{ ref('int_facts__credited') }}

where is_shared

group by fact_type, fact_key

having
    sum(amount) is distinct from max(whole_amount)
    or min(whole_amount) is distinct from max(whole_amount)
    or sum(credit_weight) <> 1
