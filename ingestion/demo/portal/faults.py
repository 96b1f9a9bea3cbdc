"""What a test can make go wrong with a portal; nothing of it is reachable over HTTP."""

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Final

from ingestion.demo.portal.errors import SYSTEM_REFUSALS, Refusal

GATEWAY: Final = "gateway_html"
TIMEOUT: Final = "timeout"

GATEWAY_PAGE: Final = (
    "<html><head><title>502 Bad Gateway</title></head>"
    "<body><center><h1>502 Bad Gateway</h1></center></body></html>"
)


class Faults:
    """The planned failures of one portal.

    Attributes:
        hidden: Ids that the webhook's owner has no right to read, by entity.
        listeners: Called with a method's name before each call of it, inside a batch
            too; a listener may change the store, as people do during a walk.
    """

    def __init__(self) -> None:
        self.hidden: dict[str, set[int]] = defaultdict(set)
        self.listeners: list[Callable[[str], None]] = []
        self._planned: dict[str | None, deque[str | Refusal]] = defaultdict(deque)
        self._exhausted: set[str] = set()
        self._lock = threading.Lock()

    def fail_next(
        self,
        fault: str | Refusal,
        *,
        count: int = 1,
        method: str | None = None,
    ) -> None:
        """Plan failures.

        Args:
            fault: A key of ``SYSTEM_REFUSALS``, ``"gateway_html"``, ``"timeout"``
                (no answer until the client leaves) or a refusal of one's own.
            count: How many answers fail.
            method: Only calls of this method, inside a batch too; any request as a
                whole when omitted.
        """
        if isinstance(fault, str):
            fault = SYSTEM_REFUSALS.get(fault, fault)
        if isinstance(fault, str) and (fault not in {GATEWAY, TIMEOUT} or method):
            raise ValueError(f"fault {fault}: unknown, or not for one method")
        with self._lock:
            self._planned[method and method.lower()].extend([fault] * count)

    def take(self, method: str | None = None) -> str | Refusal | None:
        """The failure planned next, if any."""
        with self._lock:
            planned = self._planned.get(method)
            return planned.popleft() if planned else None

    def exhaust_operating(self, method: str) -> None:
        """Use the operating time of a method up: its next calls are refused."""
        with self._lock:
            self._exhausted.add(method.lower())

    def take_exhausted(self, method: str) -> bool:
        """Whether the operating time of a method shall be used up now."""
        with self._lock:
            is_planned = method in self._exhausted
            self._exhausted.discard(method)
            return is_planned

    def hide(self, entity: str, ids: Iterable[int]) -> None:
        """Take the right to read some rows away; they are silently absent."""
        self.hidden[entity].update(ids)

    def show(self, entity: str, ids: Iterable[int]) -> None:
        """Give the right back."""
        self.hidden[entity].difference_update(ids)
