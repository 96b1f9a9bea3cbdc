"""How Superset is prepared and started: command lines and their environment.

Superset lives in its own Python environment, so nothing of it is imported here.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

_REPOSITORY = Path(__file__).resolve().parents[2]
_SERVER = Path(__file__).resolve().parent / "server"

#: Variables of the caller that the server may see; the rest stays outside.
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "HOME", "USER")


@dataclass(frozen=True)
class SupersetServer:
    """One Superset: where it lives and with which secrets.

    Attributes:
        python: Interpreter of the Superset environment.
        home: Folder of its caches and logs; made when absent.
        database_url: Metadata database, with the driver written out
            (``postgresql+psycopg2://``).
        secret_key: Encrypts the warehouse password and signs sessions.
        service_password: Password of the publisher's account.
        is_https: Whether a proxy in front of it speaks TLS.
    """

    python: Path
    home: Path
    database_url: str
    secret_key: str
    service_password: str
    host: str = "127.0.0.1"
    port: int = 8088
    workers: int = 1
    threads: int = 8
    is_https: bool = False

    @property
    def url(self) -> str:
        """Address of the server on this machine."""
        return f"http://{self.host}:{self.port}"


@dataclass(frozen=True)
class Command:
    """A process to start.

    Attributes:
        argv: Program and arguments.
        env: Its whole environment.
        cwd: Folder to start it in.
    """

    argv: list[str]
    env: dict[str, str]
    cwd: Path


def bootstrap_command(server: SupersetServer) -> Command:
    """Give the process that brings the metadata database to the newest revision."""
    return Command(
        argv=[str(server.python), "-m", "bi.superset.server.bootstrap"],
        env=_environment(server),
        cwd=server.home,
    )


def serve_command(server: SupersetServer) -> Command:
    """Give the web server's process; it stays in the foreground."""
    return Command(
        argv=[
            str(server.python),
            "-m",
            "gunicorn",
            "--bind",
            f"{server.host}:{server.port}",
            "--workers",
            str(server.workers),
            "--worker-class",
            "gthread",
            "--threads",
            str(server.threads),
            "--timeout",
            "120",
            "--graceful-timeout",
            "5",
            "--no-control-socket",
            "superset.app:create_app()",
        ],
        env=_environment(server),
        cwd=server.home,
    )


def is_bootstrapped(server: SupersetServer) -> bool:
    """Say whether the metadata was prepared by this version with these secrets."""
    url = server.database_url.replace("postgresql+psycopg2://", "postgresql://")
    with psycopg.connect(url) as connection:
        known = connection.execute(
            "select to_regclass('public.reestr_bootstrap')"
        ).fetchone()
        if known is None or known[0] is None:
            return False
        row = connection.execute("select fingerprint from reestr_bootstrap").fetchone()
    return row is not None and row[0] == fingerprint(server)


def fingerprint(server: SupersetServer) -> str:
    """Give what decides the result of a bootstrap: versions, its code, its secret."""
    digest = hashlib.sha256()
    digest.update((_REPOSITORY / "requirements" / "superset.txt").read_bytes())
    digest.update((_SERVER / "bootstrap.py").read_bytes())
    digest.update(f"{server.secret_key} {server.service_password}".encode())
    return digest.hexdigest()


def _environment(
    server: SupersetServer, caller: Mapping[str, str] = os.environ
) -> dict[str, str]:
    server.home.mkdir(parents=True, exist_ok=True)
    inherited = {name: caller[name] for name in _INHERITED if name in caller}
    return {
        **inherited,
        "PYTHONPATH": str(_REPOSITORY),
        "PYTHONUTF8": "1",
        "FLASK_APP": "superset.app:create_app()",
        "SUPERSET_CONFIG_PATH": str(_SERVER / "superset_config.py"),
        "REESTR_SUPERSET_HOME": str(server.home),
        "REESTR_SUPERSET_DATABASE_URL": server.database_url,
        "REESTR_SUPERSET_SECRET_KEY": server.secret_key,
        "REESTR_SUPERSET_SERVICE_PASSWORD": server.service_password,
        "REESTR_SUPERSET_FINGERPRINT": fingerprint(server),
        "REESTR_SUPERSET_HTTPS": "1" if server.is_https else "0",
    }
