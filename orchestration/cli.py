"""The verbs of ``./reestr``.

Heavy libraries are imported inside the verbs that need them, so that help and errors
come at once.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from orchestration.settings import Settings, SettingsError, load_settings

# Exit codes: 0 done, 1 the work failed, 2 the call or a setting is wrong, 3 busy.
FAILED, WRONG_CALL, BUSY = 1, 2, 3
# Errors of what the caller wrote, by name: their modules are heavy to import.
WRONG_CALLS = (
    "FilterError",
    "MappingError",
    "UnknownExportError",
    "UnknownKindError",
)

Verb = Callable[[argparse.Namespace, Settings], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and give the exit code."""
    options = _parser().parse_args(arguments)
    settings = load_settings(options.home)
    verb: Verb = options.verb_function
    try:
        return verb(options, settings)
    except KeyboardInterrupt:
        _say("stopped")
        return FAILED
    except SettingsError as error:
        _say(str(error))
        return WRONG_CALL
    except Exception as error:
        return _explain(error, settings)


def _explain(error: Exception, settings: Settings) -> int:
    """Turn an error into one sentence; the log keeps the rest."""
    import traceback  # noqa: PLC0415 -- only here

    module = type(error).__module__.partition(".")[0]
    ours = module in ("orchestration", "ingestion", "expectations", "bi")
    log = settings.folder("logs") / "errors.log"
    with log.open("a", encoding="utf-8") as stream:
        traceback.print_exception(error, file=stream)
    if type(error).__name__ == "PassIsRunningError":
        _say(str(error))
        return BUSY
    if ours:
        _say(str(error))
        if type(error).__name__ in WRONG_CALLS:
            return WRONG_CALL
    else:
        first = str(error).strip().split("\n", 1)[0]
        _say(f"{type(error).__name__}: {first} (whole story: {log})")
    return FAILED


def _say(text: str) -> None:
    print(f"reestr: {text}", file=sys.stderr)  # noqa: T201 -- the command line speaks


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 -- the command line speaks


# ------------------------------------------------------------------ the verbs


def _demo(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.demo import demo  # noqa: PLC0415

    return demo(
        settings,
        deals=options.deals,
        seed=options.seed,
        advance=options.advance,
        serve=not options.no_serve,
        say=_print,
    )


def _run(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.passes import PassRequest  # noqa: PLC0415
    from orchestration.running import run  # noqa: PLC0415

    request = PassRequest(
        sources=tuple(options.source or ()),
        sweep=options.sweep,
        whole=options.whole,
        accept_shrinkage=options.accept_shrinkage,
        as_of=tuple(options.as_of or ()),
    )
    return run(settings, request, say=_print)


def _serve(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.serving import serve  # noqa: PLC0415

    return serve(
        settings, parts=options.parts, foreground=options.foreground, say=_print
    )


def _down(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.serving import down  # noqa: PLC0415

    del options
    return down(settings, say=_print)


def _status(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.serving import status  # noqa: PLC0415

    del options
    return status(settings, say=_print)


def _sql(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.queries import run_query  # noqa: PLC0415

    return run_query(
        settings,
        options.query,
        username=options.username,
        output=options.format,
        stream=sys.stdout,
    )


def _export(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.exports import export  # noqa: PLC0415
    from orchestration.warehouse import known_warehouse  # noqa: PLC0415

    filters: dict[str, list[str]] = {}
    for text in options.filter or ():
        column, equals, value = text.partition("=")
        if not equals:
            raise SettingsError(f"--filter {text!r}: write column=value")
        filters.setdefault(column, []).append(value)
    result = export(
        known_warehouse(settings),
        options.workbook,
        username=options.username,
        filters=filters,
        out=options.out,
        as_of=options.as_of,
    )
    _print(f"{options.out}: {result.rows} rows")
    return 0


def _decide(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.decisions import decide, template  # noqa: PLC0415
    from orchestration.warehouse import known_warehouse  # noqa: PLC0415

    if options.template:
        options.file.write_bytes(template(options.kind))
        _print(f"{options.file}: fill it in, then ./reestr decide {options.kind} "
               f"{options.file} --as USER")  # fmt: skip
        return 0
    if not options.username:
        raise SettingsError("decide: name the author with --as USER")
    done = decide(
        known_warehouse(settings),
        options.kind,
        options.file,
        author=options.username,
        operator=getpass.getuser(),
    )
    _print(f"decision {done.batch_id}: {done.lines} lines; the next pass reads it")
    return 0


def _doctor(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.doctor import doctor  # noqa: PLC0415

    del options
    return doctor(settings, say=_print)


def _bench(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.bench import bench  # noqa: PLC0415

    del settings
    return bench(options.deals, kept=options.keep, say=_print)


def _test(options: argparse.Namespace, settings: Settings) -> int:
    from orchestration.testing import run_tests  # noqa: PLC0415

    del settings
    return run_tests(options.parts, options.pytest)


# ----------------------------------------------------------------- the parser


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a date: write 2026-03-31"
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reestr",
        description="Reestr: the warehouse of a deal-driven firm, with its dashboards "
        "and workbooks.",
        epilog="Exit codes: 0 done, 1 the work failed, 2 the call or a setting is "
        "wrong, 3 another pass is under way.",
    )
    parser.add_argument(
        "--home",
        type=Path,
        metavar="DIR",
        help="folder of the warehouse (default: REESTR_HOME, else .reestr/home)",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(name: str, function: Verb, text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(verb_function=function)
        return sub

    sub = verb("demo", _demo, "Build and serve the demo agency, from CRM to dashboard.")
    sub.add_argument("--deals", type=int, help="size at the first start (default 2000)")
    sub.add_argument("--seed", type=int, help="of the simulator at the first start")
    sub.add_argument("--advance", metavar="1d", help="let the agency live on: 1d, 7d")
    sub.add_argument(
        "--no-serve", action="store_true", help="build, do not serve the pages"
    )

    sub = verb("test", _test, "Run the tests: all, or one part.")
    sub.add_argument(
        "parts",
        nargs="*",
        metavar="lint|unit|warehouse|browser",
        help="parts to run (default: all)",
    )
    sub.add_argument(
        "--pytest", metavar="ARGS", default="", help="further words for pytest"
    )

    sub = verb("run", _run, "One pass: land, core, check, reports, publish.")
    sub.add_argument(
        "--source", action="append", metavar="NAME", help="land this connection only"
    )
    sub.add_argument(
        "--sweep", action="store_true", help="look for records deleted in the CRM"
    )
    sub.add_argument(
        "--accept-shrinkage",
        action="store_true",
        help="let the sweep mark more records than its guard allows",
    )
    sub.add_argument(
        "--whole", action="store_true", help="write every table anew, not only changes"
    )

    sub.add_argument(
        "--as-of",
        action="append",
        type=_day,
        metavar="DATE",
        help="keep what was known at the end of this day at hand; may be repeated",
    )

    sub = verb("serve", _serve, "Start the servers of the home.")
    sub.add_argument(
        "parts",
        nargs="*",
        metavar="postgres|portal|superset|dagster|dagster_daemon",
        help="parts to start (default: all that the home has)",
    )
    sub.add_argument(
        "--foreground", action="store_true", help="stay with one part until it ends"
    )
    verb("status", _status, "Say what runs and how fresh the numbers are.")
    verb("down", _down, "Stop every server of the home.")

    sub = verb("sql", _sql, "Ask the published tables, read only.")
    sub.add_argument("query", metavar='"SELECT …"')
    sub.add_argument(
        "--as", dest="username", metavar="USER", help="through that person's own login"
    )
    sub.add_argument("--format", choices=("table", "csv"), default="table")

    sub = verb("export", _export, "Write a workbook with what one person may see.")
    sub.add_argument(
        "workbook", metavar="WORKBOOK", help="name in bi/exports: registry"
    )
    sub.add_argument("--as", dest="username", metavar="USER", required=True)
    sub.add_argument(
        "--filter", action="append", metavar="column=value", help="may be repeated"
    )
    sub.add_argument(
        "--as-of", type=_day, metavar="DATE", help="as it was known then (default: now)"
    )
    sub.add_argument("--out", type=Path, required=True, metavar="FILE")

    sub = verb("decide", _decide, "Take people's decisions from a filled workbook.")
    sub.add_argument("kind", metavar="KIND", help="scope_exception")
    sub.add_argument("file", type=Path, metavar="FILE")
    sub.add_argument("--as", dest="username", metavar="USER", help="the author")
    sub.add_argument(
        "--template", action="store_true", help="write an empty workbook to FILE"
    )

    verb("doctor", _doctor, "Check settings, connections, servers and numbers.")

    sub = verb("bench", _bench, "Measure the stages of a pass against baselines.")
    sub.add_argument(
        "--deals", type=int, nargs="*", default=[2000, 50000], help="sizes to measure"
    )
    sub.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="keep the landed homes here and start from those that are there",
    )
    return parser
