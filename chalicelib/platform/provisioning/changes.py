"""The effects of changes of resources: a look at once, and events. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from chalicelib.kit.changes import Change
from chalicelib.kit.queues import Message, Traced
from chalicelib.platform.context import Event, Events, Rows, Send
from chalicelib.platform.provisioning.model import SHOWN, Resource, is_shown
from chalicelib.platform.provisioning.ports import Kind
from chalicelib.platform.provisioning.queues import PROVISIONING
from chalicelib.platform.provisioning.store import RESOURCES, from_item

RESOURCE_CHANGED = "platform.resource.state_changed"
"""The internal event of a resource whose state changes, or anything else that a caller sees of it, or that has come to
hold nothing any more."""

_SECONDS = len("2026-11-21T10:00:00")


def message_of(kind: str, names: Iterable[tuple[str, str]], hop: int = 0) -> Message:
    """The message that has resources of one kind looked at, by tenant and id. ``hop`` counts the messages since the
    last that no worker sent."""
    return {"kind": kind, "resources": [list(name) for name in names], "hop": hop}


def on_change(change: Change) -> Iterator[Send]:
    """Have a resource looked at that is due when it is written: by a caller, or by an event."""
    row = change.new
    if row is None or change.table != RESOURCES.name:
        return
    due_at = row.get("due_at")
    if isinstance(due_at, str) and due_at[:_SECONDS] <= change.at[:_SECONDS]:
        message = message_of(str(row["resource_kind"]), [(str(row["tenant"]), str(row["id"]))])
        yield Send(PROVISIONING, Traced(message, change.request_id))


def _events_of(change: Change, _rows: Rows) -> Iterable[Event]:
    if change.new is None:
        return
    old, new = _before_and_after(change)
    if old is None or is_shown(old, new) or old.is_released != new.is_released:
        yield Event(
            RESOURCE_CHANGED,
            {
                **{name: getattr(new, name) for name in ("tenant", "kind", "id", "name", "owner")},
                **{name: getattr(new, name) for name in SHOWN},
                "previous_state": None if old is None else old.state,
            },
        )


def events_of_kinds(change: Change, kinds: Mapping[str, Kind]) -> Iterator[Event]:
    """The published events of a change of a resource that callers see, which its kind makes."""
    if change.new is None or change.table != RESOURCES.name:
        return
    old, new = _before_and_after(change)
    if new.kind in kinds and (old is None or is_shown(old, new)):
        yield from (Event(event_type, data) for event_type, data in kinds[new.kind].events_of(old, new))


def _before_and_after(change: Change) -> tuple[Resource | None, Resource]:
    return None if change.old is None else from_item(change.old), from_item(change.new or {})


EVENTS = Events(_events_of)
