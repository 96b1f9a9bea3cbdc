"""The portal's two limits: the rate of requests and the operating time of a method.

Source: "Лимиты REST API", apidocs.bitrix24.ru. Clocks are arguments.
"""

import math
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass

Clock = Callable[[], float]


@dataclass(frozen=True)
class Limits:
    """What the portal allows.

    Attributes:
        is_rate_limited: Whether the bucket is watched at all.
        bucket: Requests that may come at once.
        drained_per_second: Requests the bucket forgets in a second.
        operating_seconds: Operating time of one method in ten minutes.
        clock: Seconds that never go back.
    """

    is_rate_limited: bool = True
    bucket: int = 50
    drained_per_second: float = 2.0
    operating_seconds: float = 480.0
    clock: Clock = time.monotonic


class LeakyBucket:
    """Counts requests and forgets them at a steady rate."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._level = 0.0
        self._seen = limits.clock()
        self._lock = threading.Lock()

    def admits(self) -> bool:
        """Take one request in; ``False`` when the bucket is full."""
        if not self._limits.is_rate_limited:
            return True
        with self._lock:
            now = self._limits.clock()
            drained = (now - self._seen) * self._limits.drained_per_second
            self._level = max(0.0, self._level - drained)
            self._seen = now
            if self._level + 1 > self._limits.bucket:
                return False
            self._level += 1
            return True


class OperatingTime:
    """Operating seconds of every method in ten baskets of a minute each."""

    BASKETS = 10
    BASKET_SECONDS = 60

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._baskets: dict[str, deque[tuple[int, float]]] = defaultdict(deque)
        self._lock = threading.Lock()

    def spend(self, method: str, seconds: float) -> None:
        """Add the time of one call."""
        with self._lock:
            baskets = self._fresh(method)
            number = self._number()
            if baskets and baskets[-1][0] == number:
                seconds += baskets.pop()[1]
            baskets.append((number, seconds))

    def spent(self, method: str) -> float:
        """The seconds that count now."""
        with self._lock:
            return math.fsum(seconds for _, seconds in self._fresh(method))

    def is_blocked(self, method: str) -> bool:
        """Whether the next call of the method is refused."""
        return self.spent(method) >= self._limits.operating_seconds

    def exhaust(self, method: str) -> None:
        """Make the next call of the method refused."""
        self.spend(method, self._limits.operating_seconds)

    def seconds_to_reset(self, method: str) -> float:
        """How long until the oldest basket leaves the sum."""
        with self._lock:
            baskets = self._fresh(method)
            oldest = baskets[0][0] if baskets else self._number()
            leaves = (oldest + self.BASKETS) * self.BASKET_SECONDS
            return leaves - self._limits.clock()

    def _number(self) -> int:
        return int(self._limits.clock() // self.BASKET_SECONDS)

    def _fresh(self, method: str) -> deque[tuple[int, float]]:
        baskets = self._baskets[method]
        oldest = self._number() - self.BASKETS
        while baskets and baskets[0][0] <= oldest:
            baskets.popleft()
        return baskets
