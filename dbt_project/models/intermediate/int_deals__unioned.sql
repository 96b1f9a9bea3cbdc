{{ union_sources('deals') }}
