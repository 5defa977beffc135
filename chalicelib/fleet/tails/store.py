"""Rows of tails: who watches what. No output is in them."""

from datetime import timedelta

from chalicelib.fleet.tails.model import Tail
from chalicelib.kit.clock import parse_time
from chalicelib.kit.tables import Absent, And, Delete, Exists, Less, Not, Put, Set, Table, Tables, Thing, Update

KEPT_AFTER = timedelta(minutes=5)

TAILS = Table("tails", partition="id", expires_at="expires_epoch", thing=Thing("execution", id="execution_id"))
"""Without a stream: nothing follows from a row but frames."""


def find(tables: Tables, tail_id: str) -> Tail | None:
    row = tables.get(TAILS, {"id": tail_id})
    return None if row is None else Tail.model_validate(row)


def insert(tail: Tail) -> Put:
    expires = parse_time(tail.ends_at) + KEPT_AFTER
    return Put(TAILS, {**tail.model_dump(), "expires_epoch": int(expires.timestamp())}, Absent("id"))


def connect(tail: Tail, connection_id: str, now: str) -> Update:
    """Give it its socket, once, while its ticket is good."""
    is_unused = And(Exists("id"), Absent("connection_id"), Not(Less("opens_until", now)))
    return Update(TAILS, {"id": tail.id}, (Set("connection_id", connection_id),), is_unused)


def remove(tail_id: str) -> Delete:
    return Delete(TAILS, {"id": tail_id})
