"""Wrong passwords are counted, and the sixth within a minute is refused.

Superset 6.1 has settings for this that do not work (its own limit is never applied
to the login views). Successful logins are not counted: an office shares one address.
The counters live in the worker's memory, so the limit holds per worker.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW_SECONDS = 60.0
FAILURES_PER_LOGIN = 5
FAILURES_PER_ADDRESS = 30


@dataclass
class FailureCounter:
    """Failures of the last minute by key.

    Attributes:
        clock: Seconds that only grow.
    """

    clock: Callable[[], float] = time.monotonic
    _failures: dict[str, deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, key: str) -> int:
        """Give how often the key failed within the window."""
        with self._lock:
            return len(self._recent(key))

    def add(self, key: str) -> None:
        """Note one failure."""
        with self._lock:
            self._recent(key).append(self.clock())
            self._forget_old_keys()

    def _recent(self, key: str) -> deque[float]:
        times = self._failures.setdefault(key, deque())
        while times and times[0] <= self.clock() - WINDOW_SECONDS:
            times.popleft()
        return times

    def _forget_old_keys(self) -> None:
        oldest = self.clock() - WINDOW_SECONDS
        for key in [k for k, t in self._failures.items() if not t or t[-1] <= oldest]:
            del self._failures[key]


@dataclass
class LoginThrottle:
    """Decides whether a login may be tried.

    Failures are counted per name at an address, and per address over all names.
    """

    failures: FailureCounter = field(default_factory=FailureCounter)

    def is_refused(self, address: str, username: str) -> bool:
        """Say whether this address has failed too often."""
        return (
            self.failures.count(f"{address} {username}") >= FAILURES_PER_LOGIN
            or self.failures.count(address) >= FAILURES_PER_ADDRESS
        )

    def note_failure(self, address: str, username: str) -> None:
        """Count a wrong password."""
        self.failures.add(f"{address} {username}")
        self.failures.add(address)
