{{ union_sources('employees') }}
