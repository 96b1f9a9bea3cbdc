{{ union_sources('units') }}
