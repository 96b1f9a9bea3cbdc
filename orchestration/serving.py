"""The servers of a home: PostgreSQL, the demo portal, Superset, Dagster."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg

from bi.superset import publish as superset_publish
from bi.superset.process import (
    SupersetServer,
    bootstrap_command,
    is_bootstrapped,
    serve_command,
)
from ingestion.mapping import one_password
from orchestration import processes
from orchestration.metrics import missing_reasons
from orchestration.passes import home_connections
from orchestration.postgres import embedded_server, free_port, port_is_taken
from orchestration.processes import Server
from orchestration.settings import REPOSITORY, Settings, SettingsError
from orchestration.transformation import manifest_file
from orchestration.warehouse import (
    Warehouse,
    known_warehouse,
    open_warehouse,
    provision,
)

Say = Callable[[str], None]

# A part is one process; the page of Dagster and its daemon are two.
PARTS = ("postgres", "portal", "superset", "dagster", "dagster_daemon")
STARTED = PARTS[1:]
READY_SECONDS = 180
DASHBOARDS = REPOSITORY / "bi" / "dashboards"
USUAL_PORTS = {"portal": 8071, "superset": 8088, "dagster": 3070}


def serve(
    settings: Settings, *, parts: Sequence[str], foreground: bool, say: Say
) -> int:
    """Start parts of a home and say where they answer."""
    unknown = set(parts) - set(PARTS)
    if unknown:
        raise SettingsError(
            f"serve: no part named {', '.join(sorted(unknown))}; known: "
            f"{', '.join(PARTS)}"
        )
    if foreground and len(parts) != 1:
        raise SettingsError("serve --foreground: name exactly one part")
    # A mistake in a connection is told before a server is made for it.
    home_connections(settings)
    warehouse = open_warehouse(settings)
    provision_home(warehouse)
    wanted = [
        server
        for part in (parts or PARTS)
        for server in part_servers(warehouse, part, asked=bool(parts))
    ]
    for server in wanted:
        if server.name == "superset":
            prepare_superset(warehouse)
        processes.start(settings, server, detached=not foreground)
    for server in wanted:
        if server.url:
            processes.wait_until_ready(settings, server, READY_SECONDS)
            say(f"{server.name}: {server.url}")
    if any(server.name == "superset" for server in wanted) and last_publication(
        warehouse
    ):
        done = publish_dashboards(warehouse)
        say(f"dashboards: {len(done.dashboards)}, {done.writes} changes written")
    return 0


def down(settings: Settings, *, say: Say) -> int:
    """Stop every server of the home, the database last."""
    for name in STARTED:
        if processes.stop(settings, name):
            say(f"{name}: stopped")
    if (
        not settings.get("REESTR_DATABASE_URL")
        and (settings.home / "postgres").exists()
    ):
        server = embedded_server(settings)
        if server.is_running():
            server.stop()
            say("postgres: stopped")
    return 0


def status(settings: Settings, *, say: Say) -> int:
    """Say what runs and how fresh the published numbers are."""
    for name in STARTED:
        running = processes.is_running(settings, name)
        place = processes.address(settings, name) or "running" if running else "stopped"
        say(f"{name}: {place}")
    if settings.get("REESTR_DATABASE_URL"):
        say("postgres: the server of REESTR_DATABASE_URL")
    elif not (settings.home / "postgres").exists():
        say("postgres: no warehouse in this home yet; ./reestr demo makes one")
        return 0
    else:
        server = embedded_server(settings)
        if not server.is_running():
            say("postgres: stopped")
            return 0
        say(f"postgres: 127.0.0.1:{server.port}")
    warehouse = known_warehouse(settings)
    with warehouse.connect("transformer") as connection:
        row = connection.execute(
            "select publication_id, data_as_of, published_at"
            " from reports.publications order by publication_id desc limit 1"
        ).fetchone()
        last = connection.execute(
            "select pass_id, outcome, stage, error from ops.passes"
            " order by pass_id desc limit 1"
        ).fetchone()
    say(
        f"publication: {row[0]}, data as of {row[1]:%Y-%m-%d %H:%M %Z}"
        if row
        else "publication: none yet"
    )
    if last:
        words = f"last pass: {last[0]}, {last[1]}"
        if last[1] in ("failed", "running"):
            words = f"{words} at stage {last[2]}"
        say(f"{words}: {last[3]}" if last[3] else words)
    return 0


def provision_home(warehouse: Warehouse) -> None:
    """Logins and frame for everyone whom the home's connections name."""
    connections = home_connections(warehouse.settings)
    provision(
        warehouse,
        [user.username for connection in connections for user in connection.access],
    )


def part_servers(
    warehouse: Warehouse, part: str, *, asked: bool = True
) -> list[Server]:
    """The process of one part; PostgreSQL is already open and has none."""
    settings = warehouse.settings
    if part == "portal":
        if not portal_store(settings).exists():
            if asked:
                raise SettingsError("this home has no demo portal: ./reestr demo")
            return []
        return [portal_server(settings)]
    if part == "superset":
        return [superset_process(warehouse)]
    if part == "postgres":
        return []
    return [server for server in dagster_servers(warehouse) if server.name == part]


def port(settings: Settings, name: str) -> int:
    """The loopback port of a part: the usual or a free one, chosen once and kept."""
    key = f"REESTR_{name.upper()}_PORT"
    if not settings.get(key):
        usual = USUAL_PORTS[name]
        settings.keep(key, str(free_port() if port_is_taken(usual) else usual))
    return int(settings.get(key))


def bind_address(settings: Settings) -> str:
    """Address that the pages listen on: loopback, unless a container says otherwise."""
    return settings.get("REESTR_BIND") or "127.0.0.1"


# ------------------------------------------------------------------ demo portal


def portal_store(settings: Settings) -> Path:
    """The demo portal's rows."""
    return settings.home / "portal" / "portal.sqlite"


def portal_webhook(settings: Settings) -> str:
    """User and code of the portal's inbound webhook."""
    return f"1/{settings.secret('REESTR_PORTAL_CODE')}"


def portal_server(settings: Settings, *, no_limit: bool = False) -> Server:
    """The demo portal as a process."""
    number = port(settings, "portal")
    limit = ["--no-limit"] if no_limit else []
    return Server(
        name="portal",
        argv=[
            sys.executable, "-m", "ingestion.demo.portal",
            "--store", str(portal_store(settings)),
            "--port", str(number), *limit,
        ],
        environment={
            **_environment(),
            "REESTR_PORTAL_WEBHOOK": portal_webhook(settings),
        },
        folder=REPOSITORY,
        url=f"http://127.0.0.1:{number}/",
    )  # fmt: skip


# --------------------------------------------------------------------- Superset


def superset(warehouse: Warehouse) -> SupersetServer:
    """Superset of a home; it lives in its own Python environment."""
    settings = warehouse.settings
    default = REPOSITORY / ".reestr" / "env-superset" / "bin" / "python"
    return SupersetServer(
        python=Path(settings.get("REESTR_SUPERSET_PYTHON") or default),
        home=settings.folder("superset"),
        database_url=warehouse.metadata_url("superset").replace(
            "postgresql://", "postgresql+psycopg2://", 1
        ),
        secret_key=settings.secret("REESTR_SUPERSET_SECRET_KEY"),
        service_password=settings.secret("REESTR_SUPERSET_SERVICE_PASSWORD"),
        host=bind_address(settings),
        port=port(settings, "superset"),
        is_https=settings.get("REESTR_HTTPS") == "1",
    )


def superset_url(warehouse: Warehouse) -> str:
    """Where Superset answers: a neighbour by REESTR_SUPERSET_URL, else our own."""
    return warehouse.settings.get("REESTR_SUPERSET_URL") or superset(warehouse).url


def superset_is_served(settings: Settings) -> bool:
    """Whether there is a Superset to bring in line: a neighbour, or our own process."""
    return bool(settings.get("REESTR_SUPERSET_URL")) or processes.is_running(
        settings, "superset"
    )


def superset_process(warehouse: Warehouse) -> Server:
    """Superset's web server as a process."""
    server = superset(warehouse)
    command = serve_command(server)
    return Server(
        name="superset",
        argv=command.argv,
        environment=command.env,
        folder=command.cwd,
        url=f"{server.url}/login/",
    )


def prepare_superset(warehouse: Warehouse) -> bool:
    """Bring Superset's own tables up to date; True when there was work."""
    import subprocess  # noqa: PLC0415 -- only at a first start

    server = superset(warehouse)
    if is_bootstrapped(server):
        return False
    command = bootstrap_command(server)
    log = processes.log_file(warehouse.settings, "superset_bootstrap")
    with log.open("wb") as output:
        done = subprocess.run(
            command.argv,
            env=command.env,
            cwd=command.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode != 0:
        raise processes.ProcessError(
            f"Superset could not prepare its database: see {log}"
        )
    return True


def publish_dashboards(warehouse: Warehouse) -> superset_publish.Publication:
    """Compile bi/ and bring a running Superset in line with it."""
    settings = warehouse.settings
    connections = home_connections(settings)
    parts = urlsplit(warehouse.url("bi"))
    with warehouse.connect("transformer") as connection:
        missing = missing_reasons(connection)
    return superset_publish.publish(
        url=superset_url(warehouse),
        service_password=settings.secret("REESTR_SUPERSET_SERVICE_PASSWORD"),
        warehouse=superset_publish.Warehouse(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 5432,
            database=warehouse.database,
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        ),
        manifest=manifest_file(warehouse),
        accounts=accounts(settings),
        currency=connections[0].reporting_currency,
        timezone=connections[0].timezone,
        missing=missing,
    )


def accounts(settings: Settings) -> list[superset_publish.Account]:
    """Everyone who signs in, with the password of the home's secrets."""
    return [
        superset_publish.Account(
            username=user.username,
            name=user.username,
            role=user.role,
            password=settings.secret(password_setting(user.username)),
        )
        for connection in home_connections(settings)
        for user in connection.access
    ]


def password_setting(username: str) -> str:
    """Name of the setting that holds a person's first Superset password."""
    return f"REESTR_PERSON_{one_password(username)}_PASSWORD"


# ---------------------------------------------------------------------- Dagster


def dagster_home(warehouse: Warehouse) -> Path:
    """Dagster's folder of the home, with its settings written."""
    folder = warehouse.settings.folder("dagster")
    text = (REPOSITORY / "orchestration" / "dagster.yaml").read_text(encoding="utf-8")
    target = folder / "dagster.yaml"
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")
    return folder


def dagster_environment(warehouse: Warehouse) -> dict[str, str]:
    """What Dagster's processes need to find the home and their storage."""
    url = warehouse.metadata_url("dagster")
    return {
        "DAGSTER_HOME": str(dagster_home(warehouse)),
        "REESTR_DAGSTER_URL": url.replace("postgresql://", "postgresql+psycopg2://", 1),
        "REESTR_HOME": str(warehouse.settings.home),
    }


def dagster_servers(warehouse: Warehouse) -> list[Server]:
    """The UI and the daemon that keeps the schedule."""
    number = port(warehouse.settings, "dagster")
    programs = Path(sys.executable).parent
    environment = {**_environment(), **dagster_environment(warehouse)}
    module = ["-m", "orchestration.definitions"]
    return [
        Server(
            name="dagster",
            argv=[
                str(programs / "dagster-webserver"), *module,
                "--host", bind_address(warehouse.settings), "--port", str(number),
            ],
            environment=environment,
            folder=REPOSITORY,
            url=f"http://127.0.0.1:{number}/server_info",
        ),
        Server(
            name="dagster_daemon",
            argv=[str(programs / "dagster-daemon"), "run", *module],
            environment=environment,
            folder=REPOSITORY,
            url="",
        ),
    ]  # fmt: skip


def _environment() -> dict[str, str]:
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "HOME", "USER")
    values = {name: os.environ[name] for name in kept if name in os.environ}
    own = {k: v for k, v in os.environ.items() if k.startswith("REESTR_")}
    return {**values, **own, "PYTHONPATH": str(REPOSITORY), "PYTHONUTF8": "1"}


def last_publication(warehouse: Warehouse) -> int | None:
    """Number of the publication that readers see."""
    with psycopg.connect(warehouse.url("transformer")) as connection:
        row = connection.execute(
            "select max(publication_id) from reports.publications"
        ).fetchone()
    return int(row[0]) if row and row[0] is not None else None
