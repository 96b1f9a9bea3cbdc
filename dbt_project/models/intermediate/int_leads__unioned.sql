{{ union_sources('leads') }}
