"""End an embedded server as a power cut would."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from orchestration.postgres import EmbeddedServer
from tests.waiting import wait_until


def postmaster(server: EmbeddedServer) -> int:
    """The id of the server's first process."""
    text = (server.data / "postmaster.pid").read_text(encoding="utf-8")
    return int(text.split("\n", 1)[0])


def kill(server: EmbeddedServer) -> int:
    """End the server without a word, and give the id its process had."""
    process = postmaster(server)
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{process}/exe").exists(), "it is gone")
    return process
