"""Calls to a portal: batches, chains of pages, and what its errors mean."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit

from ingestion.http import (
    Answer,
    Clock,
    JsonClient,
    JsonObject,
    JsonValue,
    RateLimit,
    RefusedError,
    RetryPolicy,
    TryAgain,
    is_loopback,
)
from ingestion.sources.bitrix24.helpers import (
    Command,
    Fault,
    Row,
    fault_of,
    map_of,
    moment_of,
    reference,
    row_id,
    rows_of,
    webhook_parts,
)
from ingestion.sources.bitrix24.settings import (
    ADVICE,
    BATCH_COMMANDS,
    FORBIDDEN,
    LASTING_ERRORS,
    LONGEST_BLOCK_SECONDS,
    PAGE_ROWS,
    PASSING_ERRORS,
    PORTAL_LIMIT,
    RATE_EXCEEDED,
    STATUS_OF,
    TIME_EXCEEDED,
    UNLIMITED,
    Table,
)

Found = TypeVar("Found")


@dataclass(frozen=True)
class BatchAnswer:
    """Results of a batch by the key of the command.

    Attributes:
        started: The portal's clock when it took the request.
    """

    results: JsonObject
    errors: Mapping[str, Fault]
    totals: JsonObject
    started: datetime | None


@dataclass(frozen=True)
class Pages:
    """Consecutive pages of one list.

    Attributes:
        is_last: A page was not full, so the list seems to end here.
        is_end: A page was empty, so it does.
    """

    rows: list[Row]
    is_last: bool = False
    is_end: bool = False


class Portal:
    """One Bitrix24 portal, reached through an inbound webhook."""

    def __init__(
        self,
        url: str,
        *,
        limit: RateLimit | None = None,
        policy: RetryPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        base_url, code = webhook_parts(url)
        self._clock = clock or Clock()
        self._client = JsonClient(
            base_url=base_url,
            secrets=frozenset({code}),
            limit=limit or _usual_limit(base_url),
            policy=policy or RetryPolicy(),
            clock=self._clock,
        )
        self._blocks: dict[str, float] = {}
        self._blocks_lock = threading.Lock()

    @property
    def host(self) -> str:
        """Host and port, what may be shown to people."""
        return self._client.host

    def call_all(
        self,
        commands: Mapping[str, Command],
        *,
        optional: frozenset[str] = frozenset(),
    ) -> BatchAnswer:
        """Answers of up to fifty calls, all of them good.

        Args:
            commands: The calls.
            optional: Keys of calls that may be forbidden; their faults are given back.

        Raises:
            SourceError: a call is refused, or fails in all attempts.
        """

        def read(answer: BatchAnswer) -> BatchAnswer:
            forbidden = {
                key
                for key, fault in answer.errors.items()
                if key in optional and STATUS_OF.get(fault.code) in FORBIDDEN
            }
            for key in answer.errors.keys() - forbidden:
                self._raise(commands[key].method, answer.errors[key])
            if missing := sorted(commands.keys() - answer.results.keys() - forbidden):
                raise TryAgain(f"no answer to the commands {', '.join(missing)}")
            return answer

        return self._batch(commands, read)

    def call_each(
        self, commands: Mapping[str, Command], *, absent: frozenset[str]
    ) -> JsonObject:
        """Answers of up to fifty calls about one row each.

        Args:
            commands: The calls.
            absent: Codes that say that a row is not there; such a call has no answer.

        Raises:
            SourceError: a call is refused, or fails in all attempts.
        """

        def read(answer: BatchAnswer) -> JsonObject:
            gone = {key for key, fault in answer.errors.items() if fault.code in absent}
            for key in answer.errors.keys() - gone:
                self._raise(commands[key].method, answer.errors[key])
            if missing := sorted(commands.keys() - answer.results.keys() - gone):
                raise TryAgain(f"no answer to the commands {', '.join(missing)}")
            return {key: answer.results[key] for key in commands if key not in gone}

        return self._batch(commands, read)

    def first_page(self, table: Table, where: JsonObject, *, after: int = 0) -> Command:
        """The call for the first rows after an id, for `call_all`."""
        return self._page(table, {}, where, after)

    def rows(self, table: Table, result: JsonValue) -> list[Row]:
        """Rows of one result of `call_all`."""
        found = rows_of(result, table.rows_in)
        if found is None:
            raise RefusedError(f"{self.host}: {table.method} answered no list of rows")
        return found

    def walk(
        self,
        table: Table,
        where: JsonObject,
        *,
        after: int = 0,
        pages: int = BATCH_COMMANDS,
        select: tuple[str, ...] = (),
    ) -> Iterator[list[Row]]:
        """Rows of a list by ascending id, fifty pages a request.

        The end of the list is believed when a further request finds nothing behind it.

        Args:
            table: The list.
            where: Filter besides the id.
            after: Rows begin behind this id.
            pages: Pages of the first request; later ones take fifty.
            select: Fields to ask for instead of those of the table.
        """
        chosen: JsonObject = {"select": list(select)} if select else {}
        while True:
            found = self._chain(table, chosen, where, after=after, pages=pages)
            if found.rows:
                yield found.rows
                after = row_id(table, found.rows[-1])
            if found.is_end:
                return
            pages = 1 if found.is_last else BATCH_COMMANDS

    def walk_ids(self, table: Table) -> list[str]:
        """All ids of a list, walked to the end."""
        return [
            str(row[table.identity])
            for rows in self.walk(table, {}, select=(table.asked(table.identity),))
            for row in rows
        ]

    def _page(
        self, table: Table, chosen: JsonObject, where: JsonObject, after: int | str
    ) -> Command:
        parameters: JsonObject = {**table.parameters, **chosen}
        name = table.asked(table.identity)
        filters: JsonObject = {**where, f">{name}": after}
        parameters |= {"order": {name: "ASC"}, "filter": filters, "start": -1}
        return Command(table.method, parameters)

    def _chain(
        self,
        table: Table,
        chosen: JsonObject,
        where: JsonObject,
        *,
        after: int,
        pages: int,
    ) -> Pages:
        commands: dict[str, Command] = {}
        behind: int | str = after
        for number in range(pages):
            commands[f"p{number}"] = self._page(table, chosen, where, behind)
            behind = reference(
                f"p{number}", table.rows_in, PAGE_ROWS - 1, table.identity
            )

        def read(answer: BatchAnswer) -> Pages:
            rows: list[Row] = []
            last = after
            for key in commands:
                fault = answer.errors.get(key)
                if fault and (not rows or fault.code not in PASSING_ERRORS):
                    self._raise(table.method, fault)
                if not fault and key not in answer.results and not rows:
                    raise TryAgain(f"no answer to the command {key}")
                if fault or key not in answer.results:
                    # What came before it counts; the next request goes on from there.
                    return Pages(rows)
                page = self.rows(table, answer.results[key])
                last = self._check_order(table, page, last)
                rows += page
                # A reference to a row that is not there starts the list anew, so
                # nothing behind a short page is looked at.
                if len(page) < PAGE_ROWS:
                    return Pages(rows, is_last=True, is_end=not page)
            return Pages(rows)

        return self._batch(commands, read)

    def _check_order(self, table: Table, page: list[Row], last: int) -> int:
        for row in page:
            found = row_id(table, row)
            if found <= last:
                raise RefusedError(
                    f"{self.host}: {table.method} does not keep the order and the "
                    f"filter by ID ({found} came after {last}), so rows would be lost"
                )
            last = found
        return last

    def _batch(
        self, commands: Mapping[str, Command], read: Callable[[BatchAnswer], Found]
    ) -> Found:
        texts: JsonObject = {key: str(command) for key, command in commands.items()}

        def read_batch(answer: Answer) -> Found:
            body = self._body("batch", answer)
            result = map_of(body.get("result"))
            times = map_of(result.get("result_time"))
            for key, time in times.items():
                if key in commands:
                    self._remember_block(commands[key].method, time)
            errors = map_of(result.get("result_error"))
            return read(
                BatchAnswer(
                    results=map_of(result.get("result")),
                    errors={key: fault_of(error) for key, error in errors.items()},
                    totals=map_of(result.get("result_total")),
                    started=moment_of(body.get("time"), "date_start"),
                )
            )

        return self._client.post("batch", {"halt": 0, "cmd": texts}, read_batch)

    def _body(self, method: str, answer: Answer) -> JsonObject:
        """The envelope of a good answer."""
        body, status = answer.body, answer.status
        if isinstance(body, dict) and "error" in body:
            fault = fault_of(body)
            self._raise(method, fault, status if status >= 400 else None)
        if isinstance(body, dict) and "result" in body and status == 200:
            return body
        said = f"{method} answered {status} and nothing that is Bitrix24's"
        if status >= 500 or status in {200, 429}:
            raise TryAgain(said)
        raise RefusedError(f"{self.host}: {said}: check the address in the settings")

    def _raise(self, method: str, fault: Fault, status: int | None = None) -> NoReturn:
        """Say whether a fault passes by itself.

        Args:
            method: The method that failed.
            fault: What the portal says.
            status: HTTP status; None for a command inside a batch.
        """
        known = status or STATUS_OF.get(fault.code, 400)
        said = f"{method} answered {status or 'in a batch'} {fault}"
        passing = fault.code in PASSING_ERRORS or known == 429 or known >= 500
        if fault.code in LASTING_ERRORS or not passing:
            advice = LASTING_ERRORS.get(fault.code) or ADVICE.get(known, ADVICE[400])
            raise RefusedError(f"{self.host}: {said}: {advice}")
        pause = 0.0
        if fault.code == RATE_EXCEEDED:
            self._client.bucket.obey(PORTAL_LIMIT)
            pause = 1.0
        elif fault.code == TIME_EXCEEDED:
            pause = self._block_left(method)
        raise TryAgain(said, pause=pause)

    def _remember_block(self, method: str, time: JsonValue) -> None:
        """Keep when the oldest basket of a method's working time is emptied."""
        reset = moment_of(time, "operating_reset_at")
        now = moment_of(time, "finish") or moment_of(time, "date_finish")
        if reset and now:
            left = (reset - now).total_seconds()
            with self._blocks_lock:
                self._blocks[method] = self._clock.monotonic() + left

    def _block_left(self, method: str) -> float:
        """Seconds until a blocked method may be called; 0 when nobody said."""
        with self._blocks_lock:
            until = self._blocks.get(method)
        if until is None:
            return 0.0
        return min(max(until - self._clock.monotonic(), 1.0), LONGEST_BLOCK_SECONDS)


def _usual_limit(url: str) -> RateLimit:
    """A portal on this machine is our own and sets its limits itself."""
    host = urlsplit(url).hostname or ""
    return UNLIMITED if is_loopback(host) else PORTAL_LIMIT
