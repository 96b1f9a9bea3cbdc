{{ union_sources('lead_stage_visits') }}
