select
    username,
    array_agg(key order by key) as keys

from {{ ref('user_scopes') }}

group by username
