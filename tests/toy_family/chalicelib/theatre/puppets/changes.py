"""The effects of changes of puppets: a repair, and the published event. Pure."""

from collections.abc import Iterator

from chalicelib.kit.changes import Change
from chalicelib.platform.context import Event, Events, Rows, Send
from chalicelib.theatre.puppets.queues import PUPPET_REPAIRS

REPAIRED = "theatre.puppet.repaired"


def on_change(change: Change) -> Iterator[Send]:
    """Have a new puppet repaired."""
    if change.operation == "puppet.created" and change.old is None:
        yield Send(PUPPET_REPAIRS, {"puppet_id": change.row["id"]})


def _events_of(change: Change, _rows: Rows) -> Iterator[Event]:
    if change.new is not None and change.operation == "puppet.repaired":
        yield Event(REPAIRED, {"puppet_id": change.new["id"], "name": change.new["name"]})


EVENTS = Events(_events_of)
