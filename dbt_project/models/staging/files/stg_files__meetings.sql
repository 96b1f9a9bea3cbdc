-- A file of deals holds no activities.
select
    cast(null as text) as source_id,
    cast(null as text) as deal_source_id,
    cast(null as text) as host_id,
    cast(null as timestamptz) as started_at,
    cast(null as boolean) as is_held

where false
