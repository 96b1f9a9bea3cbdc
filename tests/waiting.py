"""Wait for something that another process or thread does, with a bound."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PAUSE_SECONDS = 0.02


def wait_until(is_true: Callable[[], bool], what: str, seconds: float = 90) -> None:
    """Return as soon as a condition holds.

    Raises:
        TimeoutError: it did not hold in time.
    """
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not is_true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s in vain until {what}")
        pause.wait(PAUSE_SECONDS)
