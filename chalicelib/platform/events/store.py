"""Occurrences: what happens without changing a row, kept for a day so that its INSERT becomes an event."""

from datetime import datetime, timedelta

from chalicelib.kit.clock import to_microseconds_text
from chalicelib.kit.tables import Item, Put, Table, Thing, put_new

TABLE = Table(name="occurrences", partition="id", stream=True, expires_at="expires_epoch", thing=Thing("event"))

_KEPT = timedelta(days=1)


def occurrence_row(occurrence_id: str, event_type: str, data: str, now: datetime, facts: str | None = None) -> Put:
    """The write that makes something an event; ``data`` is the payload as JSON text, ``facts`` are the internal events
    that it is as well, as a JSON list of ``[type, data]``."""
    row: Item = {
        "id": occurrence_id,
        "type": event_type,
        "data": data,
        "happened_at": to_microseconds_text(now),
        "expires_epoch": int((now + _KEPT).timestamp()),
    }
    return put_new(TABLE, row if facts is None else {**row, "facts": facts})
