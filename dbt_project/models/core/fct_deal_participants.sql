select * from {{ ref('int_deal_participants__weighted') }}
