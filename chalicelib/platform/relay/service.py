"""`Relay`: one batch of a change stream in, messages and totals out.

It sends and counts, and writes nothing else. It fails as a whole: what it has sent before is then sent again, which
every consumer bears. Only a record that it cannot understand is parked and passed over, so that it never blocks others.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.kit.changes import Change, FromWire, UnreadableRecordError, read_record
from chalicelib.kit.counters import Counters, Move, event_counter
from chalicelib.kit.queues import BATCH_BYTES, Message, Queue, Queues, body_bytes
from chalicelib.kit.tables import Item, Ref, Tables
from chalicelib.kit.tables.tenants import Tenant
from chalicelib.platform.context import Family, Rows
from chalicelib.platform.events.service import Events
from chalicelib.platform.relay.plan import Plan
from chalicelib.platform.relay.queues import RELAY_FAILURES
from chalicelib.platform.relay.reactions import Reactions

Record = Mapping[str, Any]

_IMAGES = frozenset({"OldImage", "NewImage"})
_REFERENCE = ("eventID", "eventName", "eventSourceARN")
_STREAM_POSITION = ("Keys", "SequenceNumber", "ApproximateCreationDateTime")


class Relay:
    """``reactions`` are those of all contexts; ``container_of`` gives the container of a family, for couriers."""

    def __init__(
        self,
        reactions: Reactions,
        tables: Tables,
        events: Events,
        queues: Queues,
        counters: Counters,
        container_of: Callable[[Family], Any],
        from_wire: FromWire,
        table_prefix: str,
    ) -> None:
        self._reactions = reactions
        self._tables = tables
        self._events = events
        self._queues = queues
        self._counters = counters
        self._container_of = container_of
        self._from_wire = from_wire
        self._table_prefix = table_prefix

    def relay(self, records: Sequence[Record]) -> int:
        """Send what these records ask for; returns how many were parked.

        Passes on the errors of dependencies: the whole batch is then repeated.
        """
        if not records:
            return 0
        read = [self._read(record) for record in records]
        rows_for = self._rows_for([change for change in read if isinstance(change, Change)])
        plan = Plan()
        parked: list[Message] = []
        for record, change in zip(records, read, strict=True):
            try:
                self._add(plan, _id_of(record), change, rows_for)
            except (UnreadableRecordError, LookupError, ValueError, TypeError) as error:
                parked.append(_to_parked(record, error, self._reactions.families.unparked))
        if parked:
            self._queues.send(RELAY_FAILURES, parked)
        for queue, messages in plan.ready(first=self._reactions.couriers):
            self._send(queue, messages, plan.request_ids[queue])
        self._counters.add(plan.moves)
        for total, at in plan.latest.items():
            self._counters.note_latest(total, at)
        return len(parked)

    def _send(self, queue: Queue, messages: list[Message], request_id: str) -> None:
        if queue not in self._reactions.couriers:
            self._queues.send(queue, messages, request_id=request_id)
            return
        family, courier = self._reactions.couriers[queue]
        courier(self._container_of(family), messages, request_id)

    def _read(self, record: Record) -> Change | UnreadableRecordError:
        try:
            return read_record(record, self._table_prefix, self._from_wire, self._reactions.families.tenanted)
        except UnreadableRecordError as error:
            return error

    def _rows_for(self, changes: list[Change]) -> Callable[[Change], Rows]:
        """The rows that events need beside these changes (one BatchGet per 100), for each change as its tenant sees
        them."""
        needed = [_stored(change, ref) for change in changes for ref in self._reactions.rows_needed(change)]
        rows = self._tables.get_many(needed) if needed else []
        found = {_name_of(ref): row for ref, row in zip(needed, rows, strict=True)}

        def seen_with(change: Change) -> Rows:
            return lambda ref: _shown(change, ref, found.get(_name_of(_stored(change, ref))))

        return seen_with

    def _add(
        self, plan: Plan, change_id: str, change: Change | UnreadableRecordError, rows_for: Callable[[Change], Rows]
    ) -> None:
        """All that can fail for a change comes before the first mark on the plan: it is planned whole or not at all."""
        if isinstance(change, UnreadableRecordError):
            raise change
        reactions = self._reactions
        public, internal = self._events.envelopes_of(
            change, reactions.events(change, rows_for(change)), reactions.families
        )
        deltas = self._reactions.deltas(change)
        deltas[event_counter("event")] += len(public)
        end = self._reactions.end(change)
        messages = list(self._reactions.messages(change))
        plan.add_messages(change.request_id, messages)
        plan.add_events(change.request_id, (*public, *internal))
        plan.moves.append(Move(change_id, deltas))
        if end is not None:
            plan.add_end(*end)


def _stored(change: Change, ref: Ref) -> Ref:
    return Tenant(change.tenant).stored_ref(ref) if ref.table.tenanted else ref


def _shown(change: Change, ref: Ref, row: Item | None) -> Item | None:
    return Tenant(change.tenant).row(ref.table, row) if ref.table.tenanted else row


def _name_of(ref: Ref) -> tuple[object, ...]:
    return ref.table.name, *ref.key.values()


def _to_parked(record: Record, error: Exception, unparked: frozenset[str]) -> Message:
    """As much of a record as a message holds: a message that SQS never takes would block the stream. ``unparked`` names
    the attributes to leave out."""
    body = record.get("dynamodb")
    body = body if isinstance(body, Mapping) else {}
    slim = {
        name: {key: value for key, value in part.items() if key not in unparked}
        if name in _IMAGES and isinstance(part, Mapping)
        else part
        for name, part in body.items()
    }
    about = {name: record[name] for name in _REFERENCE if name in record}
    # The keys lead to the row, and where it stands in the stream to the record, as long as the stream keeps it.
    bare = {name: slim[name] for name in _STREAM_POSITION if name in slim}
    tries: tuple[Record, ...] = ({**record, "dynamodb": slim}, {**about, "dynamodb": bare}, about, {})
    return next(parked for each in tries if _can_be_sent(parked := {"error": type(error).__name__, "record": each}))


def _can_be_sent(message: Message) -> bool:
    try:
        return body_bytes(message) <= BATCH_BYTES
    except (ValueError, TypeError):  # text that UTF-8 cannot encode, or a value that is not JSON
        return False


def _id_of(record: Record) -> str:
    return f"{record.get('eventSourceARN')}:{record.get('eventID')}"
