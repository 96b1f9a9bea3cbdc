{{ union_sources('advances') }}
