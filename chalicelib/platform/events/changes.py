"""Occurrences as events, and how often they happened. Pure."""

import json
from collections.abc import Iterable, Iterator

from chalicelib.kit.changes import Change
from chalicelib.platform.context import Event, Events, Rows

FAILURE = "failure"
"""The ``result`` of an occurrence in which something was refused: counted beside all of its type."""


def _events_of(change: Change, _rows: Rows) -> Iterator[Event]:
    yield from _occurred(change)
    if change.new is not None and change.old is None and "facts" in change.new:
        yield from (Event(fact_type, data) for fact_type, data in json.loads(str(change.new["facts"])))


def _occurred(change: Change) -> Iterator[Event]:
    if change.new is not None and change.old is None:
        yield Event(str(change.new["type"]), json.loads(str(change.new["data"])))


EVENTS = Events(_events_of)


def event_counters(change: Change) -> Iterable[str]:
    """The type of an occurrence, and beside it whether something was refused. Raises ValueError for an occurrence
    without data."""
    for event in _occurred(change):
        yield event.type
        if event.data.get("result") == FAILURE:
            yield f"{event.type}.{FAILURE}"
