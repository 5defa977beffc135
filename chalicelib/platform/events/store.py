"""Occurrences: what happens without changing a row, kept for a day so that its INSERT becomes an event."""

from datetime import datetime, timedelta

from chalicelib.kit.tables import Put, Table, put_new

TABLE = Table(name="occurrences", partition="id", stream=True, expires_at="expires_epoch")

_KEPT = timedelta(days=1)


def occurrence_row(occurrence_id: str, event_type: str, data: str, now: datetime) -> Put:
    """The write that makes something an event; ``data`` is the payload as JSON text."""
    expires = int((now + _KEPT).timestamp())
    return put_new(TABLE, {"id": occurrence_id, "type": event_type, "data": data, "expires_epoch": expires})
