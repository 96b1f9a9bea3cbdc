{{ union_sources('deal_participants') }}
