{{ union_sources('activities') }}
