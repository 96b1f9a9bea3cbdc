{{ union_sources('partner_shares') }}
