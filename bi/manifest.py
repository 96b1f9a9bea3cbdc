"""The manifest that dbt leaves: the shape of what is read of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypedDict


class CatalogError(Exception):
    """The manifest does not say what a screen needs; the text names file and line."""


class Config(TypedDict, total=False):
    """What stands under ``config`` of anything."""

    meta: dict[str, object]


class ManifestColumn(TypedDict, total=False):
    """One column of a model."""

    name: str
    description: str
    data_type: str | None
    config: Config


class Node(TypedDict, total=False):
    """One model, seed or test."""

    name: str
    resource_type: str
    schema: str
    description: str
    columns: dict[str, ManifestColumn]
    config: Config
    original_file_path: str
    patch_path: str | None


class Measure(TypedDict, total=False):
    """One measure of a semantic model."""

    name: str
    agg: str
    agg_params: dict[str, object] | None
    expr: str | None
    label: str | None
    description: str | None
    config: Config


class SemanticModel(TypedDict, total=False):
    """Measures over one fact."""

    name: str
    config: Config
    measures: list[Measure]
    node_relation: dict[str, str]
    original_file_path: str


class MetricNode(TypedDict, total=False):
    """One metric: of a measure, or a ratio."""

    name: str
    label: str
    description: str
    type: str
    type_params: dict[str, object]
    config: Config
    original_file_path: str


class Manifest(TypedDict):
    """The whole manifest."""

    nodes: dict[str, Node]
    semantic_models: dict[str, SemanticModel]
    metrics: dict[str, MetricNode]


def meta_of(config: Config | None) -> dict[str, object]:
    """Give what a block says about itself."""
    return (config or {}).get("meta") or {}


def text_of(meta: Mapping[str, object], key: str) -> str:
    """Give one value as text, empty when absent."""
    return str(meta.get(key) or "")


def one_line(text: str | None) -> str:
    """Give a text without line breaks and repeated blanks."""
    return re.sub(r"\s+", " ", text or "").strip()
