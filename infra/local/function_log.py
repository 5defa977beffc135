"""The lines that functions wrote, as the emulator keeps them."""

from collections.abc import Iterator
from typing import Any

AT_ONCE = 10_000
"""Events that CloudWatch, and the emulator, give in one answer at most (API reference, ``FilterLogEvents``)."""


def lines_of(logs: Any, group: str) -> Iterator[str]:
    """All lines of a log group, oldest first. ``logs`` is a client of the emulator, which gives no token for what is
    beyond one answer: that is asked for by its time."""
    since, told = 0, 0
    while True:
        events = logs.filter_log_events(logGroupName=group, startTime=since)["events"]
        for event in events[told:]:
            yield from event["message"].splitlines()
        if len(events) < AT_ONCE:
            return
        since = events[-1]["timestamp"]
        told = sum(event["timestamp"] == since for event in events)
