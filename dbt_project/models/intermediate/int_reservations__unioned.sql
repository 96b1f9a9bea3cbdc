{{ union_sources('reservations') }}
