"""The front door: verbs, help, exit codes and one-sentence errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestration import cli
from orchestration.cli import FAILED, WRONG_CALL
from orchestration.serving import dagster_environment
from orchestration.settings import REPOSITORY
from tests.agency_home import AgencyHome

VERBS = (
    "demo", "test", "run", "serve", "status", "down", "sql", "export", "decide",
    "doctor", "bench",
)  # fmt: skip
HEAVY = {
    "bi", "dagster", "dbt", "dlt", "great_expectations", "ingestion", "numpy",
    "openpyxl", "pandas", "psycopg", "requests", "sqlalchemy", "yaml",
}  # fmt: skip


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, list[str]]:
    """Exit code, what was printed and the lines of complaint."""
    try:
        code = cli.main(words)
    except SystemExit as end:
        code = int(end.code or 0)
    printed = capsys.readouterr()
    return code, printed.out, printed.err.splitlines()


@pytest.fixture
def in_agency(agency_home: AgencyHome, monkeypatch: pytest.MonkeyPatch) -> AgencyHome:
    """The shared home, chosen by the environment as ``./reestr`` finds it."""
    # The verb run sets what Dagster reads; all of it is taken back after the test.
    values = {**agency_home.environment(), **dagster_environment(agency_home.warehouse)}
    for name, value in values.items():
        if name.startswith(("REESTR_", "DAGSTER_")):
            monkeypatch.setenv(name, value)
    return agency_home


# ----------------------------------------------------------------------- help


def test_the_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    """A verb is never renamed: people and cron jobs know it."""
    code, text, _ = said(capsys, "--help")
    assert code == 0
    listed = [line.split()[0] for line in text.splitlines() if line.startswith("    ")]
    assert [verb for verb in listed if verb in VERBS] == list(VERBS)
    assert "Exit codes: 0 done" in text


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(
    capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    code, text, _ = said(capsys, verb, "--help")
    assert code == 0
    assert text.startswith(f"usage: reestr {verb}")
    assert "." in text.split("\n\n")[1]


def test_help_and_a_wrong_call_load_nothing_heavy() -> None:
    """They come at once, also on a slow disk."""
    for words in (["--help"], ["run", "--help"], ["nonsense"]):
        code = (
            "import sys\nfrom orchestration import cli\n"
            f"try:\n    cli.main({words!r})\nexcept SystemExit:\n    pass\n"
            "print(','.join({name.partition('.')[0] for name in sys.modules}))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=REPOSITORY,
        )
        loaded = set(done.stdout.splitlines()[-1].split(","))
        assert "argparse" in loaded
        assert loaded & HEAVY == set()


# ----------------------------------------------------------------- wrong calls


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "the following arguments are required: VERB"),
        (("nonsense",), "invalid choice: 'nonsense'"),
        (("sql",), "the following arguments are required"),
        (("sql", "select 1", "--format", "xml"), "invalid choice: 'xml'"),
        (("export", "registry"), "required: --as, --out"),
        (("run", "--deals", "5"), "unrecognized arguments"),
        (("demo", "--deals", "many"), "invalid int value: 'many'"),
    ],
)
def test_a_wrong_call_is_answered_with_its_usage(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], complaint: str
) -> None:
    code, _, complaints = said(capsys, *words)
    assert code == WRONG_CALL
    assert complaints[0].startswith("usage: reestr")
    assert complaint in complaints[-1]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("run",), "setting REESTR_CONNECTIONS is not set: export it or write it into"),
        (("sql", "select 1"), "no warehouse in "),
        (("serve", "superset"), "setting REESTR_CONNECTIONS is not set"),
        (("serve", "kitchen"), "serve: no part named kitchen; known: postgres, "),
        (("serve", "--foreground"), "serve --foreground: name exactly one part"),
        (("test", "integration"), "test: no part named integration; known: lint, "),
        (("decide", "scope_exception", "in.xlsx"), "name the author with --as USER"),
        (
            ("export", "registry", "--as", "a", "--out", "o", "--filter", "x"),
            "--filter 'x': write column=value",
        ),
    ],
)
def test_a_wrong_word_or_setting_is_one_sentence(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: tuple[str, ...],
    complaint: str,
) -> None:
    monkeypatch.delenv("REESTR_DATABASE_URL", raising=False)
    code, _, complaints = said(capsys, "--home", str(tmp_path), *words)
    assert code == WRONG_CALL
    assert len(complaints) == 1
    assert complaints[0].startswith("reestr: ")
    assert complaint in complaints[0]
    assert not (tmp_path / "postgres").exists()


def test_the_status_of_an_empty_home_makes_nothing(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("REESTR_DATABASE_URL", raising=False)
    code, text, _ = said(capsys, "--home", str(tmp_path), "status")
    assert code == 0
    assert "no warehouse in this home yet" in text
    assert not (tmp_path / "postgres").exists()
    assert said(capsys, "--home", str(tmp_path), "down")[0] == 0


# ---------------------------------------------------------------- in a warehouse


def test_sql_answers_in_the_chosen_home(
    capsys: pytest.CaptureFixture[str], in_agency: AgencyHome
) -> None:
    del in_agency
    code, text, _ = said(
        capsys,
        "sql",
        "select access.reader() as who",
        "--as",
        "agent",
        "--format",
        "csv",
    )
    assert (code, text) == (0, "who\nagent\n")


def test_a_failure_is_one_sentence_and_the_log_keeps_the_rest(
    capsys: pytest.CaptureFixture[str], in_agency: AgencyHome
) -> None:
    code, _, complaints = said(
        capsys, "sql", "select missing from reports.publications"
    )
    assert code == FAILED
    log = in_agency.settings.home / "logs" / "errors.log"
    assert complaints == [
        f'reestr: UndefinedColumn: column "missing" does not exist (whole story: {log})'
    ]
    assert "Traceback" in log.read_text(encoding="utf-8")


def test_an_unknown_source_is_a_wrong_call(
    capsys: pytest.CaptureFixture[str], in_agency: AgencyHome
) -> None:
    before = in_agency.rows("select count(*) from ops.passes")
    code, _, complaints = said(capsys, "run", "--source", "amocrm")
    assert code == WRONG_CALL
    assert complaints[-1].startswith("reestr: no connection named amocrm in this home")
    assert in_agency.rows("select count(*) from ops.passes") == before


def test_the_status_tells_how_fresh_the_numbers_are(
    capsys: pytest.CaptureFixture[str], in_agency: AgencyHome
) -> None:
    del in_agency
    code, text, _ = said(capsys, "status")
    assert code == 0
    assert "portal: stopped" in text
    assert "postgres: the server of REESTR_DATABASE_URL" in text
    assert "publication: 1, data as of 2025-09-17 20:59 UTC" in text
    assert "last pass: 1, published" in text
