{{ union_sources('meetings') }}
