"""The container files: parsed, complete, closed; their commands are verbs that run.

No engine is needed here, and none was used; docker/README.md says what that leaves out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import psycopg
import pytest
import yaml

from orchestration import cli, serving
from orchestration.settings import REPOSITORY, load_settings
from orchestration.warehouse import Warehouse, open_warehouse
from tests.conftest import Postgres

DOCKER = REPOSITORY / "docker"
COMPOSE = DOCKER / "compose.yaml"
DOCKERFILE = DOCKER / "Dockerfile"
IGNORE = DOCKER / "Dockerfile.dockerignore"

Service = dict[str, object]


def compose() -> dict[str, dict[str, Service]]:
    loaded = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def services() -> dict[str, Service]:
    return compose()["services"]


def ours() -> dict[str, Service]:
    """Services made from our images."""
    return {name: one for name, one in services().items() if "build" in one}


def test_the_parts_of_a_server_are_there() -> None:
    assert set(services()) == {
        "postgres",
        "provision",
        "superset",
        "dagster",
        "dagster_daemon",
        "pass",
    }
    assert services()["postgres"]["image"] == "postgres:18"


@pytest.mark.parametrize("name", ours())
def test_every_command_is_a_verb(name: str) -> None:
    launcher, *words = ours()[name]["command"]
    assert launcher == "./reestr"
    options = cli._parser().parse_args(words)
    parts = getattr(options, "parts", [])
    assert set(parts) <= set(serving.PARTS)


def test_the_images_end_in_a_verb() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    ends = re.findall(r"^CMD (\[.*\])$", text, re.MULTILINE)
    assert len(ends) == 2
    for end in ends:
        launcher, *words = yaml.safe_load(end)
        assert launcher == "./reestr"
        cli._parser().parse_args(words)


def test_ports_are_on_loopback() -> None:
    """Dagster has no login; a proxy with TLS stands in front of Superset."""
    ports = [port for one in services().values() for port in one.get("ports", [])]
    assert ports
    assert [port for port in ports if not str(port).startswith("127.0.0.1:")] == []


def values(part: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a document with the keys that lead to it."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from values(value, f"{path}.{key}")
    elif isinstance(part, list):
        for value in part:
            yield from values(value, path)
    elif part is not None:
        yield path, str(part)


def test_no_secret_has_a_value() -> None:
    """Secrets come from docker/.env, which is not committed."""
    secret = re.compile(r"(PASSWORD|SECRET|CODE|TOKEN)$")
    for path, value in values(compose()):
        if secret.search(path):
            assert re.fullmatch(r"\$\{REESTR_\w+:\?[^}]+\}", value), path
        for password in re.findall(r"://[^/\s:]+:(.+)@", value):
            assert re.fullmatch(r"\$\{REESTR_\w+:\?[^}]+\}", password), path
    ignored = (DOCKER / ".gitignore").read_text(encoding="utf-8").split()
    assert ".env" in ignored
    assert not (DOCKER / ".env").exists() or ".env" in ignored


def test_every_setting_is_explained() -> None:
    example = (REPOSITORY / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"REESTR_\w+", COMPOSE.read_text(encoding="utf-8")))
    assert [name for name in named if f"# {name}=" not in example] == []


@pytest.mark.parametrize("name", ours())
def test_our_containers_are_closed(name: str) -> None:
    service = ours()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


def test_images_do_not_run_as_root() -> None:
    stages = re.split(r"^FROM ", DOCKERFILE.read_text(encoding="utf-8"), flags=re.M)[1:]
    assert len(stages) == 2
    for stage in stages:
        assert re.findall(r"^USER (\w+)$", stage, re.MULTILINE)[-1] == "reestr"


def test_every_target_is_a_stage() -> None:
    stages = re.findall(
        r"^FROM \S+ AS (\w+)$", DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE
    )
    for name, service in ours().items():
        build = service["build"]
        assert isinstance(build, dict)
        assert (DOCKER / build["context"]).resolve() == REPOSITORY
        assert REPOSITORY / build["dockerfile"] == DOCKERFILE
        assert build["target"] in stages, name


def test_every_mounted_file_exists() -> None:
    named = compose()["volumes"]
    for name, service in services().items():
        for volume in service.get("volumes", []):
            source = re.sub(r"\$\{[^}]*\}", "$", str(volume)).partition(":")[0]
            if source.startswith("."):
                assert (DOCKER / source).exists(), (name, volume)
            elif source != "$":
                assert source in named, (name, volume)


def test_health_checks_ask_what_exists() -> None:
    for name, service in services().items():
        if service.get("restart") == "no":
            continue
        check = service["healthcheck"]
        assert isinstance(check, dict)
        for word in check["test"]:
            if word.endswith(".py"):
                assert (REPOSITORY / word).exists(), name


def test_who_waits_waits_for_what_can_come() -> None:
    conditions = {
        "service_healthy": lambda one: "healthcheck" in one,
        "service_completed_successfully": lambda one: one.get("restart") == "no",
    }
    for name, service in services().items():
        waits = service.get("depends_on", {})
        assert isinstance(waits, dict)
        for other, how in waits.items():
            assert conditions[how["condition"]](services()[other]), (name, other)


def copied() -> list[list[str]]:
    """Sources and target of every COPY of the first image, in order."""
    text = DOCKERFILE.read_text(encoding="utf-8")
    return [line.split()[1:] for line in re.findall(r"^COPY .*$", text, re.MULTILINE)]


def test_every_copied_file_exists_and_enters_the_context() -> None:
    lines = IGNORE.read_text(encoding="utf-8").splitlines()
    let_in = [line[1:] for line in lines if line.startswith("!")]
    assert "*" in lines
    for *sources, _ in copied():
        for source in sources:
            assert (REPOSITORY / source).exists()
            assert any(source == one or source.startswith(f"{one}/") for one in let_in)


def test_homes_and_secrets_stay_outside() -> None:
    lines = IGNORE.read_text(encoding="utf-8").splitlines()
    let_in = [line[1:] for line in lines if line.startswith("!")]
    for secret in (".reestr", ".env", "docker/.env", ".git", "tests"):
        assert not any(fnmatch(secret, one) for one in let_in)


def test_help_needs_only_the_files_copied_before_it(tmp_path: Path) -> None:
    """The layer with the packages is made again only when pins or launcher change."""
    before, _, _ = DOCKERFILE.read_text(encoding="utf-8").partition("RUN ./reestr")
    for line in re.findall(r"^COPY (.*)$", before, re.MULTILINE):
        *sources, target = line.split()
        for source in sources:
            place = tmp_path / target
            if (REPOSITORY / source).is_dir():
                shutil.copytree(REPOSITORY / source, place)
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / source, place)
    # The launcher's last line, with the environment it has made.
    for words in (["--help"], ["serve", "--help"]):
        done = subprocess.run(
            [sys.executable, "-m", "orchestration", *words],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("usage: reestr")


@pytest.fixture
def given(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Warehouse:
    """A home with the environment of the containers, on a server that is given."""
    environment = ours()["superset"]["environment"]
    assert isinstance(environment, dict)
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("REESTR_DATABASE_URL", postgres.create_database("docker"))
    monkeypatch.setenv("REESTR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REESTR_CONNECTIONS", "maven")
    monkeypatch.setenv("REESTR_FILES_DIR", str(tmp_path))
    return open_warehouse(load_settings())


def test_provision_makes_databases_and_logins_once(given: Warehouse) -> None:
    command = ours()["provision"]["command"]
    assert isinstance(command, list)
    assert cli.main(command[1:]) == 0
    kept = given.settings.file.read_bytes()
    assert cli.main(command[1:]) == 0
    assert given.settings.file.read_bytes() == kept
    for login in ("loader", "transformer", "bi", "data_team"):
        given.connect(login).close()
    for product in ("superset", "dagster"):
        psycopg.connect(given.metadata_url(product)).close()


@pytest.mark.parametrize("name", ["superset", "dagster", "dagster_daemon"])
def test_a_service_is_one_process_that_neighbours_reach(
    given: Warehouse, name: str
) -> None:
    serving.provision_home(given)
    (server,) = serving.part_servers(given, name)
    ports = ours()[name].get("ports", [])
    assert isinstance(ports, list)
    told = " ".join(server.argv).replace("--host 0.0.0.0 --port ", "0.0.0.0:")
    for port in ports:
        assert f"0.0.0.0:{port.rpartition(':')[2]}" in told


def test_the_pass_brings_the_neighbours_pages_in_line(given: Warehouse) -> None:
    assert serving.superset_url(given) == "http://superset:8088"
    assert serving.superset_is_served(given.settings)
