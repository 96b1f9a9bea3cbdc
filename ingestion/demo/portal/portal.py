"""One portal at work: a method is called, its time is measured, limits are kept."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from ingestion.demo.portal.errors import (
    BATCH_LENGTH,
    BATCH_METHOD,
    OPERATING_LIMIT,
    PortalError,
    Refusal,
    bad_argument,
)
from ingestion.demo.portal.faults import Faults
from ingestion.demo.portal.limits import LeakyBucket, Limits, OperatingTime
from ingestion.demo.portal.methods import Methods
from ingestion.demo.portal.paging import Answer
from ingestion.demo.portal.parameters import (
    Parameters,
    parse_query,
    resolved,
    value_of,
)
from ingestion.demo.portal.store import PortalStore
from ingestion.demo.portal.values import moment

BATCH: Final = "batch"
BATCH_COMMANDS: Final = 50

Body = dict[str, object]


@dataclass(frozen=True)
class _Watch:
    """The start of a call by the portal's clock and by the processor's."""

    started: datetime
    counter: float

    def stop(self) -> tuple[Body, float]:
        """The block ``time`` of an answer, and the seconds spent."""
        seconds = time.perf_counter() - self.counter
        finished = self.started + timedelta(seconds=seconds)
        return {
            "start": self.started.timestamp(),
            "finish": finished.timestamp(),
            "duration": round(seconds, 6),
            "processing": round(seconds, 6),
            "date_start": moment(self.started),
            "date_finish": moment(finished),
        }, seconds


class Portal:
    """The portal behind the server."""

    def __init__(
        self, store: PortalStore, *, limits: Limits | None = None, faults: Faults
    ) -> None:
        limits = limits or Limits()
        self.store = store
        self.faults = faults
        self.bucket = LeakyBucket(limits)
        self.operating = OperatingTime(limits)
        self._methods = Methods(store, faults)

    def call(self, method: str, given: Parameters) -> Body:
        """The whole body of an answer.

        Raises:
            PortalError: the portal refused.
        """
        if method == BATCH:
            return self._batch(given)
        answer, block = self._run(method, given)
        body: Body = {"result": answer.result}
        if answer.next is not None:
            body["next"] = answer.next
        if answer.total is not None:
            body["total"] = answer.total
        return body | {"time": block}

    def _run(self, method: str, given: Parameters) -> tuple[Answer, Body]:
        function = self._methods.find(method)
        planned = self.faults.take(method)
        if isinstance(planned, Refusal):
            raise PortalError(planned)
        if self.faults.take_exhausted(method):
            self.operating.exhaust(method)
        if self.operating.is_blocked(method):
            raise PortalError(OPERATING_LIMIT)
        for listener in self.faults.listeners:
            listener(method)
        watch = self._watch()
        answer = function(given)
        block, seconds = watch.stop()
        self.operating.spend(method, seconds)
        reset = watch.started.timestamp() + self.operating.seconds_to_reset(method)
        block["operating_reset_at"] = int(reset)
        block["operating"] = round(self.operating.spent(method), 6)
        return answer, block

    def _watch(self) -> _Watch:
        return _Watch(self.store.now(), time.perf_counter())

    def _batch(self, given: Parameters) -> Body:
        commands = _commands(value_of(given, "cmd"))
        halt = str(value_of(given, "halt") or 0).lower() in {"1", "true", "y"}
        with self.store.reading():
            return self._answers(commands, halt=halt)

    def _answers(self, commands: Mapping[str, str], *, halt: bool) -> Body:
        watch = self._watch()
        results: Body = {}
        errors: Body = {}
        totals: Body = {}
        following: Body = {}
        times: Body = {}
        for number, (key, command) in enumerate(commands.items()):
            try:
                answer, times[key] = self._command(number, command, results)
            except PortalError as error:
                errors[key] = error.refusal.body
                if halt:
                    break
                continue
            results[key] = answer.result
            if answer.total is not None:
                totals[key] = answer.total
            if answer.next is not None:
                following[key] = answer.next
        block, _ = watch.stop()
        return {
            "result": {
                "result": _php(results),
                "result_error": _php(errors),
                "result_total": _php(totals),
                "result_next": _php(following),
                "result_time": _php(times),
            },
            "time": block,
        }

    def _command(
        self, number: int, command: str, results: Mapping[str, object]
    ) -> tuple[Answer, Body]:
        if number >= BATCH_COMMANDS:
            raise PortalError(BATCH_LENGTH)
        method, _, query = command.partition("?")
        method = method_name(method)
        if method == BATCH:
            raise PortalError(BATCH_METHOD)
        given = resolved(_parsed(query), results)
        return self._run(method, given if isinstance(given, dict) else {})


@lru_cache(maxsize=1024)
def _parsed(query: str) -> Parameters:
    """Parameters of a command; those of a chain of pages come again and again."""
    return parse_query(query)


def method_name(text: str) -> str:
    """The name of a method as the table has it."""
    return text.strip().strip("/").removesuffix(".json").lower()


def _commands(given: object) -> dict[str, str]:
    if isinstance(given, list):
        given = {str(number): one for number, one in enumerate(given)}
    if not isinstance(given, Mapping):
        raise bad_argument("Parameter 'cmd' must be array.")
    return {str(key): str(command) for key, command in given.items()}


def _php(values: Body) -> Body | list[object]:
    """A map as PHP writes it: empty or numbered from 0 it is an array."""
    if list(values) == [str(number) for number in range(len(values))]:
        return list(values.values())
    return values
