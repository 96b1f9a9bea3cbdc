{{ union_sources('absences') }}
