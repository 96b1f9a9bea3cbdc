{{ union_sources('documents') }}
