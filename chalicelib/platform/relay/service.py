"""`Relay`: one batch of a change stream in, messages and totals out.

It sends and counts, and writes nothing else. It fails as a whole: what it has sent before is then sent again, which
every consumer bears. Only a record that it cannot understand is parked and passed over, so that it never blocks others.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.fleet.events.mapping import commands_needed
from chalicelib.fleet.transport.dispatch import Dispatch
from chalicelib.kit.changes import Change, FromWire, UnreadableRecordError, read_record
from chalicelib.kit.counters import Counters, event_counter
from chalicelib.kit.queues import BATCH_BYTES, Message, Queues, body_bytes
from chalicelib.kit.tables import Item
from chalicelib.platform.events.service import Events
from chalicelib.platform.relay.counting import deltas_of, end_of, happenings_of
from chalicelib.platform.relay.queues import RELAY_FAILURES
from chalicelib.platform.relay.routing import Plan

Record = Mapping[str, Any]

NOT_PARKED = frozenset(
    {"output", "output_gz", "envelope_gz", "command_text", "password_hash", "public_key", "public_keys"}
)
"""Attributes that are left out of a parked record: they are large, and not needed to examine it."""

_IMAGES = frozenset({"OldImage", "NewImage"})
_REFERENCE = ("eventID", "eventName", "eventSourceARN")
_PLACE = ("Keys", "SequenceNumber", "ApproximateCreationDateTime")


class Relay:
    """``command_rows`` reads the rows of commands, tombstones included (one BatchGet). ``has_mesh``: a mesh is to
    follow clusters, nodes and aliases."""

    def __init__(
        self,
        events: Events,
        queues: Queues,
        dispatch: Dispatch,
        counters: Counters,
        command_rows: Callable[[set[str]], Mapping[str, Item]],
        from_wire: FromWire,
        table_prefix: str,
        *,
        has_mesh: bool = False,
    ) -> None:
        self._events = events
        self._queues = queues
        self._dispatch = dispatch
        self._counters = counters
        self._command_rows = command_rows
        self._from_wire = from_wire
        self._table_prefix = table_prefix
        self._has_mesh = has_mesh

    def relay(self, records: Sequence[Record]) -> int:
        """Send what these records ask for; returns how many were parked.

        Passes on the errors of dependencies: the whole batch is then repeated.
        """
        if not records:
            return 0
        read = [self._read(record) for record in records]
        commands = self._commands_of([change for change in read if isinstance(change, Change)])
        plan = Plan(has_mesh=self._has_mesh)
        parked: list[Message] = []
        for record, change in zip(records, read, strict=True):
            try:
                self._add(plan, change, commands)
            except (UnreadableRecordError, LookupError, ValueError, TypeError) as error:
                parked.append(_to_parked(record, error))
        if parked:
            self._queues.send(RELAY_FAILURES, parked)
        self._dispatch.send(plan.for_agents, request_id=plan.request_id)
        for queue, messages in plan.ready():
            self._queues.send(queue, messages, request_id=plan.request_id)
        self._counters.add(_batch_id(records), plan.deltas)
        for total, at in plan.latest.items():
            self._counters.note_latest(total, at)
        return len(parked)

    def _read(self, record: Record) -> Change | UnreadableRecordError:
        try:
            return read_record(record, self._table_prefix, self._from_wire)
        except UnreadableRecordError as error:
            return error

    def _commands_of(self, changes: list[Change]) -> Mapping[str, Item]:
        needed = commands_needed(changes)
        return self._command_rows(needed) if needed else {}

    def _add(self, plan: Plan, change: Change | UnreadableRecordError, commands: Mapping[str, Item]) -> None:
        """All that can fail for a change comes before the first mark on the plan: it is planned whole or not at all."""
        if isinstance(change, UnreadableRecordError):
            raise change
        envelopes = self._events.envelopes_of(change, commands)
        deltas = deltas_of(change)
        deltas.update(happenings_of(change))
        deltas[event_counter("event")] += len(envelopes)
        end = end_of(change)
        plan.add_change(change)
        plan.add_events(change.request_id, envelopes)
        plan.add_deltas(deltas)
        if end is not None:
            plan.add_end(*end)


def _to_parked(record: Record, error: Exception) -> Message:
    """As much of a record as a message holds: a message that SQS never takes would block the stream."""
    body = record.get("dynamodb")
    body = body if isinstance(body, Mapping) else {}
    slim = {
        name: {key: value for key, value in part.items() if key not in NOT_PARKED}
        if name in _IMAGES and isinstance(part, Mapping)
        else part
        for name, part in body.items()
    }
    about = {name: record[name] for name in _REFERENCE if name in record}
    # The keys lead to the row, and where it stands in the stream to the record, as long as the stream keeps it.
    bare = {name: slim[name] for name in _PLACE if name in slim}
    tries: tuple[Record, ...] = ({**record, "dynamodb": slim}, {**about, "dynamodb": bare}, about, {})
    return next(parked for each in tries if _can_be_sent(parked := {"error": type(error).__name__, "record": each}))


def _can_be_sent(message: Message) -> bool:
    try:
        return body_bytes(message) <= BATCH_BYTES
    except (ValueError, TypeError):  # text that UTF-8 cannot encode, or a value that is not JSON
        return False


def _batch_id(records: Sequence[Record]) -> str:
    """The same for the same records, whatever else the stream holds."""
    text = "/".join(f"{record.get('eventSourceARN')}:{record.get('eventID')}" for record in (records[0], records[-1]))
    return hashlib.sha256(text.encode()).hexdigest()
