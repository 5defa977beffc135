"""Waiting for what another process or thread does."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 30.0


def eventually(happened: Callable[[], object], patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Return once it is true; fail when it stays false."""
    deadline = time.monotonic() + patience_seconds
    while not happened():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
