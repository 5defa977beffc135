"""The effects of changes of self-update requests: messages for workers and agents, and events. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.fleet.updates.queues import SELF_UPDATES
from chalicelib.fleet.updates.store import REQUESTS
from chalicelib.kit.changes import Change, texts
from chalicelib.kit.parking import moved
from chalicelib.kit.tables import Item
from chalicelib.platform.context import Event, Events, Rows, Send
from chalicelib.platform.counted import operations

COMPLETED = "self_update_request.completed"


def on_change(change: Change) -> Iterator[Send]:
    """Find the nodes of a new request, go on with it, and tell the agents of the nodes that were found."""
    row = change.row
    match change.table:
        case "self_update_requests" if going_on := moved(change):
            for name, cursor in going_on.items():
                yield Send(SELF_UPDATES, {"request_id": row["id"], "part": name, "cursor": cursor})
        case "self_update_requests" if change.old is None:
            parts = [{"request_id": row["id"], "part": part} for part in texts(row.get("parts"))]
            for message in parts or [{"request_id": row["id"]}]:
                yield Send(SELF_UPDATES, message)
        case "self_updates" if change.old is None:
            update = {"cluster_name": row["cluster_name"], "request_id": row["request_id"], "node_id": row["node_id"]}
            yield Send(COMMAND_DELIVERY, {"update": update})


def _events_of(change: Change, _rows: Rows) -> Iterable[Event]:
    if change.table != REQUESTS.name or change.new is None or change.operation != COMPLETED:
        return ()
    return (Event(EventType.SELF_UPDATE_REQUEST_COMPLETED, _payload(change.new)),)


def _payload(row: Item) -> dict[str, Any]:
    names = ("status", "summary", "inserted_at", "updated_at")
    given = row.get("targeting")
    targeting = {name: value for name, value in given.items() if name != "within"} if isinstance(given, dict) else given
    return {
        "self_update_request_id": row["id"],
        "targeting": targeting,
        **{name: row.get(name) for name in names},
    }


EVENTS = Events(_events_of)

event_counters = operations(REQUESTS, {COMPLETED})
