"""The simulator shares no code with what it is the measure of."""

import ast
import sys
from pathlib import Path

import ingestion.demo

FOLDER = Path(ingestion.demo.__path__[0]) / "agency"
ALLOWED = {"numpy", "pandas"}


def imported_names(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, path.name
            names.add(node.module or "")
    return names


def test_the_simulator_imports_nothing_of_the_pipeline() -> None:
    """The ground truth proves the pipeline only while they share no code."""
    modules = sorted(FOLDER.rglob("*.py"))
    assert modules
    for path in modules:
        for name in imported_names(path):
            top = name.split(".")[0]
            is_own = f"{name}.".startswith("ingestion.demo.")
            assert is_own or top in ALLOWED or top in sys.stdlib_module_names, (
                f"{path.name} imports {name}"
            )


def test_the_ground_truth_does_not_look_at_the_portal() -> None:
    for name in ("ground_truth.py", "detail_truth.py", "state.py", "records.py"):
        names = imported_names(FOLDER / name)
        assert not any(one.startswith("ingestion.demo.portal") for one in names)
