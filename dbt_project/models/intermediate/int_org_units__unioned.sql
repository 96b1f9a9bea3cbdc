{{ union_sources('org_units') }}
