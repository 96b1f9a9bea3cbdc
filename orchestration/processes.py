"""Servers of a home as processes of their own, remembered by pid files."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

from orchestration.settings import Settings

STOP_SECONDS = 20


class ProcessError(Exception):
    """A server did not start; the text says where its log is."""


@dataclass(frozen=True)
class Server:
    """One server of a home.

    Attributes:
        name: Of its pid and log files.
        argv: Program and arguments.
        environment: Its whole environment.
        folder: Where it starts.
        url: Answers with a status below 500 when the server is ready.
    """

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    url: str


def start(settings: Settings, server: Server, *, detached: bool = True) -> bool:
    """Start a server unless it runs; True when it was started now.

    Raises:
        ProcessError: its port is taken by another program, or it ends at once.
    """
    if is_running(settings, server.name):
        return False
    if _answers(server.url):
        raise ProcessError(
            f"{server.name}: {server.url} is answered by another program; stop it, or "
            f"choose another port in {settings.file}"
        )
    if not detached:
        # The caller becomes the server: signals and the exit code are its own.
        os.chdir(server.folder)
        os.execve(server.argv[0], list(server.argv), dict(server.environment))  # noqa: S606
    log = log_file(settings, server.name)
    with log.open("ab") as output:
        process = subprocess.Popen(
            list(server.argv),
            cwd=server.folder,
            env=dict(server.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _pid_file(settings, server.name).write_text(
        json.dumps(
            {
                "pid": process.pid,
                "started": _start_mark(process.pid),
                "url": server.url,
            }
        ),
        encoding="utf-8",
    )
    return True


def wait_until_ready(settings: Settings, server: Server, seconds: float) -> None:
    """Wait for a server's first good answer.

    Raises:
        ProcessError: it ended, or did not answer in time.
    """
    deadline = time.monotonic() + seconds
    pause = 0.1
    while not _answers(server.url):
        log = log_file(settings, server.name)
        if not is_running(settings, server.name):
            raise ProcessError(f"{server.name} ended at its start: see {log}")
        if time.monotonic() > deadline:
            raise ProcessError(
                f"{server.name} did not answer within {seconds:.0f} s: see {log}"
            )
        time.sleep(pause)


def stop(settings: Settings, name: str) -> bool:
    """Stop a server and wait for its end; True when it ran."""
    pid = _pid(settings, name)
    if pid is None:
        return False
    os.killpg(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while _pid(settings, name) is not None:
        if time.monotonic() > deadline:
            os.killpg(pid, signal.SIGKILL)
            break
        _reap(pid)
        time.sleep(0.05)
    _pid_file(settings, name).unlink(missing_ok=True)
    return True


def is_running(settings: Settings, name: str) -> bool:
    """Whether the process of the pid file lives; a reused pid does not count."""
    return _pid(settings, name) is not None


def address(settings: Settings, name: str) -> str:
    """Where a server answers, by its pid file."""
    return str(json.loads(_pid_file(settings, name).read_text(encoding="utf-8"))["url"])


def log_file(settings: Settings, name: str) -> Path:
    """Where a server writes."""
    return settings.folder("logs") / f"{name}.log"


def _pid(settings: Settings, name: str) -> int | None:
    path = _pid_file(settings, name)
    if not path.exists():
        return None
    known = json.loads(path.read_text(encoding="utf-8"))
    pid = int(known["pid"])
    _reap(pid)
    return pid if _start_mark(pid) == known["started"] else None


def _pid_file(settings: Settings, name: str) -> Path:
    return settings.folder("run") / f"{name}.json"


def _start_mark(pid: int) -> str | None:
    """When the process began, in the kernel's ticks: tells a reused pid."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _reap(pid: int) -> None:
    """Collect the exit of a child of ours, so that it does not stay a zombie."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _answers(url: str) -> bool:
    try:
        # A server behind a TLS proxy sends plain http away; we ask in its place.
        request = Request(url, headers={"X-Forwarded-Proto": "https"})  # noqa: S310
        with urlopen(request, timeout=5) as answer:  # noqa: S310 -- loopback http
            return int(answer.status) < 500
    except URLError as error:
        code = getattr(error, "code", None)
        return code is not None and code < 500
    except (OSError, ValueError):
        return False
