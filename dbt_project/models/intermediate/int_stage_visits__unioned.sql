{{ union_sources('stage_visits') }}
