"""The agencies whose marts are compared with what truly happened."""

from __future__ import annotations

import pytest

from tests.agency_home import AgencyHome, GroundTruth


@pytest.fixture(scope="session", params=["first day", "lived days"])
def home(
    request: pytest.FixtureRequest, agency_home: AgencyHome, lived_home: AgencyHome
) -> AgencyHome:
    """An agency on its first day, and one that was looked at again a month later."""
    return agency_home if request.param == "first day" else lived_home


@pytest.fixture(scope="session")
def truth(home: AgencyHome, tmp_path_factory: pytest.TempPathFactory) -> GroundTruth:
    """The simulator's own answers for it."""
    return home.truth(tmp_path_factory.mktemp("truth"))
