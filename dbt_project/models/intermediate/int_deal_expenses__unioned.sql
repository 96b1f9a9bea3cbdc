{{ union_sources('deal_expenses') }}
