"""Events: records occurrences, and turns changes into CloudEvents envelopes.

An envelope is the same however often it is derived: its id follows from the event type, the row, its version and the
time of the write.
"""

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.kit.bus import INTERNAL_SOURCE
from chalicelib.kit.changes import Change
from chalicelib.kit.clock import Clock
from chalicelib.kit.ids import Ids
from chalicelib.kit.queues import body_bytes
from chalicelib.kit.tables import Put
from chalicelib.platform.context import Event
from chalicelib.platform.events.store import occurrence_row
from chalicelib.platform.families import Families

SOURCE = "https://github.com/wenet-ec/edge-core"
"""``source`` of every envelope: a constant of the contract."""

_EVENT_IDS = uuid.UUID("6a5cba0c-7f0e-5d0e-9c3b-6f7f3c1f4f01")  # our own namespace for uuid5, chosen once

LARGEST_ENVELOPE_BYTES = 200 * 1024
"""EventBridge takes entries of 256 KiB and SQS messages of as much; the rest is for what stands around an envelope."""

SMALL_FIELD_BYTES = 1024
"""Smaller fields are never left out: ids, names, times."""

Envelope = dict[str, Any]

_FIRST = 1
"""The version of a row that was just made."""


class Events:
    """``core_name`` names this installation in every envelope."""

    def __init__(self, clock: Clock, ids: Ids, core_name: str) -> None:
        self._clock = clock
        self._ids = ids
        self._core_name = core_name

    def occurrence(self, event_type: str, data: Mapping[str, Any], facts: Sequence[Event] = ()) -> Put:
        """A write to commit with the change that it belongs to. ``data`` must be fit for the public: no secrets.
        ``facts`` are internal events that it is as well."""
        now = self._clock.now()
        also = _to_json([[fact.type, dict(fact.data)] for fact in facts]) if facts else None
        return occurrence_row(self._ids.uuid7(now), str(event_type), _to_json(dict(data)), now, also)

    def announced(self, event_type: str, data: Mapping[str, Any]) -> tuple[Put, Envelope]:
        """An occurrence, as `occurrence` writes it, and the envelope that it will have."""
        put = self.occurrence(event_type, data)
        row_id, happened_at = str(put.item["id"]), str(put.item["happened_at"])
        return put, self._composed(Event(event_type, data), f"{row_id}/{happened_at}/{_FIRST}", happened_at, SOURCE)

    def envelopes_of(
        self, change: Change, events: Iterable[Event], families: Families
    ) -> tuple[list[Envelope], list[Envelope]]:
        """The CloudEvents of the events of one change: those of the published catalogue, and those for other families.
        An internal event has an envelope only if a subscription of one of the families takes it.

        Raises ValueError for a type that no family declares.
        """
        public: list[Envelope] = []
        internal: list[Envelope] = []
        for event in events:
            if event.type in families.event_types:
                public.append(self._envelope(event, change, SOURCE))
            elif event.type not in families.internal:
                raise ValueError(f"no family declares events of type {event.type!r}")
            elif families.follow(event.type, event.data):
                internal.append(self._envelope(event, change, INTERNAL_SOURCE))
        return public, internal

    def _envelope(self, event: Event, change: Change, source: str) -> Envelope:
        row = change.row
        # A node that was deleted and enrols again starts at version 1: the time of the write keeps its lives apart.
        happened_at = row.get("happened_at") or change.stamp("at")
        time = str(row.get("happened_at") or change.at)
        return self._composed(event, f"{event.about or row['id']!s}/{happened_at!s}/{row['version']!s}", time, source)

    def _composed(self, event: Event, row: str, time: str, source: str) -> Envelope:
        """``row`` tells the row, the moment and the version that the event is about."""
        envelope = {
            "specversion": "1.0",
            "id": str(uuid.uuid5(_EVENT_IDS, f"{event.type}/{row}")),
            "source": source,
            "type": str(event.type),
            "time": time,
            "datacontenttype": "application/json",
            "corename": self._core_name,
            "data": dict(event.data),
        }
        return _bounded(envelope)


def _to_json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _bounded(envelope: Envelope) -> Envelope:
    """Leave out the largest fields where the whole would be too large: null stands in place of each, and
    ``{field}_omitted`` tells. Raises ValueError where no field is large."""
    while (size := body_bytes(envelope)) > LARGEST_ENVELOPE_BYTES:
        data = envelope["data"]
        largest = max(data, key=lambda name: body_bytes(data[name]))
        if body_bytes(data[largest]) < SMALL_FIELD_BYTES:
            raise ValueError(f"an event of {size} bytes, and no field of it is large")
        envelope = {**envelope, "data": {**data, largest: None, f"{largest}_omitted": True}}
    return envelope
