"""The embedded server: real clusters, killed, disturbed and started again."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from orchestration.postgres import (
    NEWEST,
    OLDEST,
    OS_USER,
    SHARED_FOLDER,
    EmbeddedServer,
    PostgresError,
    embedded_server,
)
from orchestration.settings import REPOSITORY, load_settings
from tests.killed_server import kill, postmaster

IS_ROOT = os.geteuid() == 0


@pytest.fixture(scope="module")
def cluster(server_folders: Callable[[str], Path]) -> Iterator[EmbeddedServer]:
    """One cluster that the tests of this module stop, kill and start."""
    server = embedded_server(load_settings(server_folders("cluster"), {}))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def server(cluster: EmbeddedServer) -> EmbeddedServer:
    """The cluster, running."""
    cluster.start()
    return cluster


def ask(server: EmbeddedServer, query: str) -> object:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def remember(server: EmbeddedServer, value: int) -> None:
    with psycopg.connect(server.url()) as connection:
        connection.execute("create table if not exists kept (value int)")
        connection.execute("truncate kept")
        connection.execute("insert into kept values (%s)", [value])


@contextmanager
def another_program() -> Iterator[int]:
    """A living process of the user that runs the server."""
    with subprocess.Popen(
        ["/bin/cat"],
        cwd="/",
        stdin=subprocess.PIPE,
        user=OS_USER if IS_ROOT else None,
    ) as process:
        try:
            yield process.pid
        finally:
            process.kill()


# ------------------------------------------------------------------ who gets in


def test_it_listens_on_loopback_only_and_asks_for_a_password(
    server: EmbeddedServer,
) -> None:
    assert ask(server, "show listen_addresses") == "127.0.0.1"
    methods = "select string_agg(distinct auth_method, ',') from pg_hba_file_rules"
    assert ask(server, methods) == "scram-sha-256"
    stored = (
        "select count(*) from pg_authid where rolpassword not like 'SCRAM-SHA-256$%'"
    )
    assert ask(server, stored) == 0
    url = server.url().replace(server.password, "wrong")
    with pytest.raises(
        psycopg.OperationalError, match="password authentication failed"
    ):
        psycopg.connect(url)
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(server.url().replace(f":{server.password}", ""))


def test_its_files_are_for_its_user_only(server: EmbeddedServer) -> None:
    assert server.data.stat().st_mode & 0o077 == 0
    assert not (server.data.parent / "administrator").exists()
    owner = pwd.getpwuid(server.data.stat().st_uid).pw_name
    assert owner == (OS_USER if IS_ROOT else pwd.getpwuid(os.geteuid()).pw_name)
    process = Path(f"/proc/{postmaster(server)}")
    assert process.stat().st_uid == server.data.stat().st_uid


def test_small_and_capital_letters_are_russian_too(server: EmbeddedServer) -> None:
    """The server has no ICU; a plain C locale would leave capital letters alone."""
    assert ask(server, "select lower('ЁЖИК Ё')") == "ёжик ё"
    assert ask(server, "select upper('ёж')") == "ЁЖ"


# ------------------------------------------------------------- start and stop


def test_a_running_server_is_left_alone(server: EmbeddedServer) -> None:
    started = ask(server, "select pg_postmaster_start_time()")
    server.start()
    assert ask(server, "select pg_postmaster_start_time()") == started


def test_a_stopped_server_keeps_address_and_rows(server: EmbeddedServer) -> None:
    remember(server, 1)
    server.stop()
    assert not server.is_running()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url())
    again = embedded_server(load_settings(server.data.parents[1], {}))
    assert again.url() == server.url()
    again.start()
    assert ask(again, "select value from kept") == 1


def test_a_killed_server_starts_again_with_its_rows(server: EmbeddedServer) -> None:
    remember(server, 2)
    kill(server)
    server.start()
    assert server.is_running()
    assert ask(server, "select value from kept") == 2


def test_a_stale_pid_file_of_another_program_is_no_obstacle(
    server: EmbeddedServer,
) -> None:
    """After a power cut the old process id may belong to anybody."""
    remember(server, 3)
    pid_file = server.data / "postmaster.pid"
    text = pid_file.read_text(encoding="utf-8")
    old = kill(server)
    with another_program() as pid:
        pid_file.write_text(text.replace(str(old), str(pid), 1), encoding="utf-8")
        assert not server.is_running()
        server.start()
        assert server.is_running()
        assert postmaster(server) not in (old, pid)
        assert ask(server, "select value from kept") == 3
        server.stop()
        assert Path(f"/proc/{pid}/exe").exists()


@pytest.mark.parametrize("text", ["", "not a number\n", "99999999\n"])
def test_a_broken_pid_file_is_no_obstacle(server: EmbeddedServer, text: str) -> None:
    server.stop()
    (server.data / "postmaster.pid").write_text(text, encoding="utf-8")
    server.start()
    assert ask(server, "select 1") == 1


def test_a_taken_port_is_named(server: EmbeddedServer) -> None:
    server.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", server.port))
        other.listen()
        with pytest.raises(PostgresError) as raised:
            server.start()
    assert f"port {server.port} is taken by another program" in str(raised.value)
    assert "REESTR_POSTGRES_PORT" in str(raised.value)
    server.start()
    assert server.is_running()


def test_starts_at_the_same_time_share_one_server(
    server_folders: Callable[[str], Path],
) -> None:
    """The pages, the schedule and a command may all find the server stopped."""
    settings = load_settings(server_folders("together"), {})
    servers = [embedded_server(settings) for _ in range(3)]
    try:
        with ThreadPoolExecutor(len(servers)) as beside:
            list(beside.map(EmbeddedServer.start, servers))
        assert {ask(one, "select 1") for one in servers} == {1}
    finally:
        servers[0].stop()


# ------------------------------------------------------------ places, versions


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_it_runs_below_a_private_folder(
    server_folders: Callable[[str], Path], version: str
) -> None:
    """A clone in /root: its user cannot get there, so the cluster lives elsewhere."""
    private = server_folders(f"private_{version}")
    private.chmod(0o700)
    settings = load_settings(
        private / "clone" / "home", {"REESTR_POSTGRES_VERSION": version}
    )
    server = embedded_server(settings)
    try:
        server.start()
        assert str(ask(server, "show server_version")).split(".")[0] == version
        if IS_ROOT:
            assert SHARED_FOLDER in server.data.parents
            assert server.data.parent.stat().st_mode & 0o077 == 0
        else:
            assert settings.home in server.data.parents
        # The version stays with the cluster, whatever the default becomes.
        assert embedded_server(load_settings(settings.home, {})).version == version
    finally:
        server.stop()
        shutil.rmtree(server.data.parent)


def test_an_unknown_version_is_refused(server_folders: Callable[[str], Path]) -> None:
    settings = load_settings(
        server_folders("unknown"), {"REESTR_POSTGRES_VERSION": "15"}
    )
    with pytest.raises(PostgresError, match="is 15: the embedded server offers 16 and"):
        embedded_server(settings)


def test_a_server_that_cannot_start_says_why(
    server_folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.postgres.START_SECONDS", 1)
    server = embedded_server(load_settings(server_folders("broken"), {}))
    server.start()
    server.stop()
    with (server.data / "postgresql.conf").open("a", encoding="utf-8") as file:
        file.write("no_such_setting = 1\n")
    with pytest.raises(PostgresError, match=f"did not start: .*{server.log}"):
        server.start()


def test_help_and_settings_need_no_server(tmp_path: Path) -> None:
    """Asking for the address of a home starts nothing."""
    code = (
        "from pathlib import Path; import sys;"
        "from orchestration.settings import load_settings;"
        "from orchestration.postgres import embedded_server;"
        "print(embedded_server(load_settings(Path(sys.argv[1]), {})).is_running())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "home")],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    assert done.stdout.strip() == "False"
