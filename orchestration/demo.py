"""The demo agency: a simulated firm, its CRM portal and everything built from them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta

from orchestration import processes, serving
from orchestration.demo_plans import approve_plans
from orchestration.passes import PassRequest, pass_time
from orchestration.running import run
from orchestration.settings import Settings, SettingsError
from orchestration.warehouse import Warehouse, open_warehouse

Say = Callable[[str], None]

CONNECTION = "demo_agency"
DEFAULT_DEALS = 2000
DEFAULT_SEED = 20261
DAYS = re.compile(r"(\d{1,3})d\Z")


def demo(
    settings: Settings,
    *,
    deals: int | None,
    seed: int | None,
    advance: str | None,
    serve: bool,
    say: Say,
) -> int:
    """Build the demo agency from end to end, live on where asked, and serve it."""
    started = time.monotonic()
    _choose(settings, deals=deals, seed=seed)
    warehouse = open_warehouse(settings)
    serving.provision_home(warehouse)
    _live(settings, advance, say)
    approve_plans(
        warehouse,
        deals=int(settings.require("REESTR_DEMO_DEALS")),
        today=date.fromisoformat(settings.require("REESTR_DEMO_TODAY")),
    )
    portal = serving.portal_server(settings)
    processes.start(settings, portal)
    processes.wait_until_ready(settings, portal, serving.READY_SECONDS)
    with ThreadPoolExecutor(max_workers=1) as beside:
        # Superset needs half a minute of its own; the pass does not wait for it.
        ready = beside.submit(_start_servers, warehouse, say) if serve else None
        code = run(settings, PassRequest(), say=say)
        if code or ready is None:
            return code
        _publish_pages(warehouse, ready, say)
    _introduce(warehouse, say)
    say(f"ready in {time.monotonic() - started:.0f} s")
    return 0


def _choose(settings: Settings, *, deals: int | None, seed: int | None) -> None:
    """Keep what the first start decides; a later start may not change it."""
    chosen = {
        "REESTR_DEMO_DEALS": str(deals or DEFAULT_DEALS),
        "REESTR_DEMO_SEED": str(seed or DEFAULT_SEED),
    }
    given = {"REESTR_DEMO_DEALS": deals, "REESTR_DEMO_SEED": seed}
    for name, value in chosen.items():
        known = settings.get(name)
        if known and given[name] is not None and known != value:
            raise SettingsError(
                f"this home's agency was made with {name}={known}: "
                "use another --home for another agency"
            )
        settings.keep(name, known or value)
    if not settings.get("REESTR_CONNECTIONS"):
        settings.keep("REESTR_CONNECTIONS", CONNECTION)
    number = serving.port(settings, "portal")
    settings.keep(
        f"REESTR_{CONNECTION.upper()}_URL",
        f"http://127.0.0.1:{number}/rest/{serving.portal_webhook(settings)}/",
    )


def _live(settings: Settings, advance: str | None, say: Say) -> None:
    """Fill the portal at the first start; let the agency live on where asked."""
    from ingestion.demo.agency import (  # noqa: PLC0415 -- pandas takes a second
        life,
        model,
        portal_feed,
    )
    from ingestion.demo.agency.ground_truth import write_ground_truth  # noqa: PLC0415
    from ingestion.demo.portal.store import PortalStore  # noqa: PLC0415

    path = serving.portal_store(settings)
    known = settings.get("REESTR_PASS_TIME")
    shown = None
    if path.exists():
        # The store keeps the moment together with its rows: the settings follow it,
        # also after a start that was killed between the two.
        with PortalStore(path) as store:
            shown = store.now()
        if known and shown == pass_time(settings) and not advance:
            return
    if not settings.get("REESTR_DEMO_TODAY"):
        settings.keep("REESTR_DEMO_TODAY", date.today().isoformat())
    today = date.fromisoformat(settings.get("REESTR_DEMO_TODAY"))
    started = time.monotonic()
    agency = life.simulate(
        seed=int(settings.get("REESTR_DEMO_SEED")),
        deals=int(settings.get("REESTR_DEMO_DEALS")),
        first_today=today,
    )
    moment = shown or model.end_of_day(today)
    settings.folder("portal")
    draft = path.with_suffix(".draft")
    if shown is None:
        for leftover in draft.parent.glob(f"{draft.name}*"):
            leftover.unlink()
        with PortalStore(draft) as store:
            portal_feed.fill(store, agency, moment)
        # A store that was not filled to the end never gets its name.
        draft.rename(path)
    if advance:
        later = moment + _days(advance)
        with PortalStore(path) as store:
            portal_feed.advance(store, agency, moment, later)
        moment = later
    write_ground_truth(agency, moment, settings.folder("ground_truth"))
    settings.keep("REESTR_PASS_TIME", moment.isoformat())
    say(
        f"agency: {settings.get('REESTR_DEMO_DEALS')} deals, today "
        f"{model.business_date(moment):%d.%m.%Y} ({time.monotonic() - started:.1f} s)"
    )


def _days(text: str) -> timedelta:
    found = DAYS.match(text)
    if not found or int(found[1]) == 0:
        raise SettingsError(
            f"--advance {text!r}: write a number of days, like 1d or 7d"
        )
    return timedelta(days=int(found[1]))


def _start_servers(warehouse: Warehouse, say: Say) -> list[processes.Server]:
    settings = warehouse.settings
    started = time.monotonic()
    if serving.prepare_superset(warehouse):
        say(f"Superset: its database is prepared ({time.monotonic() - started:.0f} s)")
    servers = [
        serving.superset_process(warehouse),
        *serving.dagster_servers(warehouse),
    ]
    for server in servers:
        processes.start(settings, server)
    return servers


def _publish_pages(
    warehouse: Warehouse, ready: Future[list[processes.Server]], say: Say
) -> None:
    settings = warehouse.settings
    servers = ready.result()
    for server in servers:
        if server.url:
            processes.wait_until_ready(settings, server, serving.READY_SECONDS)
    started = time.monotonic()
    done = serving.publish_dashboards(warehouse)
    say(
        f"dashboards: {len(done.dashboards)}, {done.writes} changes written "
        f"({time.monotonic() - started:.1f} s)"
    )


def _introduce(warehouse: Warehouse, say: Say) -> None:
    """Print the addresses and where the passwords are."""
    settings = warehouse.settings
    base = serving.superset(warehouse).url
    say("")
    say(f"Dashboards  {base}/")
    say(f"Dagster     http://127.0.0.1:{serving.port(settings, 'dagster')}/")
    say(f"CRM         {serving.portal_server(settings).url}")
    say("")
    say(f"{'login':<18}{'password':<34}sees")
    for account in serving.accounts(settings):
        say(f"{account.username:<18}{account.password:<34}{account.role}")
    say("")
    say(f"Passwords are kept in {settings.file} (mode 600).")
