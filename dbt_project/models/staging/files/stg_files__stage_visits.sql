-- A file of deals holds no stage history.
select
    cast(null as text) as source_id,
    cast(null as text) as deal_source_id,
    cast(null as text) as pipeline,
    cast(null as text) as crm_stage,
    cast(null as timestamptz) as entered_at

where false
