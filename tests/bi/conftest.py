"""The published demo agency behind a running Superset, one for the whole run."""

from __future__ import annotations

import pytest

from tests.agency_home import AgencyHome
from tests.superset_site import Site, shared_site


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, agency_home: AgencyHome) -> Site:
    """The demo agency's pages."""
    return shared_site(request, agency_home.warehouse)
