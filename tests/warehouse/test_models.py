"""The unit tests that stand beside the models, run as dbt runs them."""

from __future__ import annotations

import json

from ingestion import mapping
from orchestration import transformation
from orchestration.passes import home_connections
from orchestration.transformation import manifest_file
from tests.agency_home import AgencyHome


def test_every_unit_test_of_a_model_passes(agency_home: AgencyHome) -> None:
    variables = mapping.dbt_vars(home_connections(agency_home.settings))
    text = manifest_file(agency_home.warehouse).read_text(encoding="utf-8")
    written = json.loads(text)["unit_tests"]
    assert written
    assert transformation.run_unit_tests(agency_home.warehouse, variables) == len(
        written
    )
