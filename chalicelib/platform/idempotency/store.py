"""Rows of answered requests: keys and attribute names.

A row has the id of its request, the sealed answer, and its end; a row that has ended counts as missing, whether
DynamoDB has removed it or not.
"""

from datetime import datetime, timedelta

from chalicelib.kit.tables import Absent, Delete, Item, LessOrEqual, Or, Put, Table, Tables

KEPT = timedelta(hours=24)
"""How long an answer is given again."""

ANSWER = "answer_sealed"

TABLE = Table("idempotency", partition="id", expires_at="expires_epoch")


def find(tables: Tables, record_id: str, now: datetime) -> bytes | None:
    """The sealed answer of a record, by a consistent read; None if there is none or it has ended."""
    row = tables.get(TABLE, {"id": record_id})
    if row is None:
        return None
    answer, end = row[ANSWER], row["expires_epoch"]
    if not isinstance(answer, bytes) or not isinstance(end, int) or end <= int(now.timestamp()):
        return None
    return answer


def put(record_id: str, sealed: bytes, now: datetime, seconds: int = 0) -> Put:
    """A new record, which ends after so many ``seconds``, 0 for `KEPT`; fails if there is one that has not ended."""
    epoch = int(now.timestamp())
    item: Item = {"id": record_id, ANSWER: sealed, "expires_epoch": epoch + (seconds or int(KEPT.total_seconds()))}
    return Put(TABLE, item, Or(Absent("id"), LessOrEqual("expires_epoch", epoch)))


def remove(record_id: str) -> Delete:
    """The record is not needed any more."""
    return Delete(TABLE, {"id": record_id})
