"""The manifest of the project, parsed without a warehouse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingestion import mapping
from orchestration.settings import load_settings
from orchestration.transformation import parse
from orchestration.warehouse import Warehouse

Manifest = dict[str, Any]


@pytest.fixture(scope="session")
def manifest_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = load_settings(
        tmp_path_factory.mktemp("manifest"),
        {"REESTR_DEMO_AGENCY_URL": "http://127.0.0.1:9/rest/1/code/"},
    )
    connections = mapping.load_connections(["demo_agency"], settings.values())
    nobody = Warehouse(settings, "postgresql://nobody@127.0.0.1:9/reestr")
    return parse(nobody, dict(mapping.dbt_vars(connections)))


@pytest.fixture(scope="session")
def manifest(manifest_path: Path) -> Manifest:
    content: Manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
    return content
