"""Rows of intervals: keys, index and attribute names. They are kept for ever, and hold ids alone.

Each mark of a resource is a row, by its version: whichever comes first, the rows are the same in the end. A row ends
with the next mark that is known; a mark in between that comes later only makes it end earlier.
"""

from datetime import timedelta

from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.tables import (
    Absent,
    Between,
    Index,
    Item,
    Key,
    Less,
    Not,
    Or,
    Put,
    Query,
    Set,
    Table,
    Update,
    put_new,
)
from chalicelib.platform.billing.model import Amount, Charged, Interval, Mark

INTERVALS = Table(
    "billing_intervals",
    partition="resource_id",
    sort="position",
    indexes=(Index("by_end", "listing", "until", ("kind", "owner", "starts_at", "ends_at", "ended_by", "charged")),),
    tenanted=True,
    queried=True,
)

_LISTING = "intervals"
"""The partition of a tenant's intervals by their ends; only those that cost something are in it."""

_OPEN = "~"
"""The end of an interval that goes on, which sorts after every time."""

_OF_AMOUNT = "#"
"""Stands between the id of a resource and the name of an amount that it used."""

_DIGITS = 16
_FIRST, _LAST = "0" * _DIGITS, "9" * _DIGITS


def position_of(version: int) -> str:
    """The sort key of the mark of that version of a resource."""
    return f"{version:0{_DIGITS}}"


def put_mark(mark: Mark, charged: Charged | None) -> Put:
    """A new mark; fails if it is known."""
    position = position_of(mark.version)
    item: Item = {
        "resource_id": mark.resource_id,
        "position": position,
        "kind": mark.kind,
        "owner": mark.owner,
        "starts_at": mark.at,
    }
    if charged is not None:
        until = _until(_OPEN, mark.resource_id, position)
        item |= {"charged": charged.model_dump(), "listing": _LISTING, "until": until}
    return put_new(INTERVALS, item)


def put_amount(amount: Amount, charged: Charged) -> Put:
    """An amount, as an interval of its hour that has ended; fails if as much is known. Amounts are rows beside those of
    the resource's marks, which end each other."""
    began = parse_time(amount.at)
    row_id, hour = f"{amount.resource_id}{_OF_AMOUNT}{amount.name}", int(began.timestamp()) // 3600
    ends_at = to_seconds_text(began + timedelta(hours=1))
    item: Item = {
        "resource_id": row_id,
        "position": position_of(hour),
        "kind": amount.kind,
        "owner": amount.owner,
        "starts_at": amount.at,
        "ends_at": ends_at,
        "ended_by": hour + 1,
        "charged": charged.model_dump(),
        "listing": _LISTING,
        "until": _until(ends_at, row_id, position_of(hour)),
        "units": charged.units,
    }
    return Put(INTERVALS, item, Or(Absent("resource_id"), Less("units", charged.units)))


def end_at(interval: Interval, version: int, at: str) -> Update:
    """The interval ends with the mark of that version; fails if it ends with that already, or with one before it."""
    until = _until(at, interval.resource_id, interval.position)
    changes = [Set("ends_at", at), Set("ended_by", version)]
    if interval.charged is not None:
        changes.append(Set("until", until))
    return Update(INTERVALS, _key(interval), tuple(changes), Or(Absent("ended_by"), Not(Less("ended_by", version + 1))))


def _until(end: str, resource_id: str, position: str) -> str:
    return f"{end}#{resource_id}#{position}"


def before(mark: Mark) -> Query:
    """The last mark of the resource before this one."""
    return _beside(mark, _FIRST, position_of(mark.version - 1), descending=True)


def after(mark: Mark) -> Query:
    """The first mark of the resource after this one."""
    return _beside(mark, position_of(mark.version + 1), _LAST, descending=False)


def _beside(mark: Mark, low: str, high: str, *, descending: bool) -> Query:
    return Query(INTERVALS, mark.resource_id, sort=Between(low, high), descending=descending, limit=1, consistent=True)


def ending_after(start: str, limit: int | None = None) -> Query:
    """The intervals of a tenant that end after a time, or go on; the last to end first."""
    return Query(
        INTERVALS,
        _LISTING,
        INTERVALS.index("by_end"),
        sort=Between(f"{start}$", f"{_OPEN}$"),
        descending=True,
        limit=limit,
    )


def interval_in(row: Item) -> Interval:
    resource_id, _, _ = str(row["resource_id"]).partition(_OF_AMOUNT)
    return Interval.model_validate({**row, "resource_id": resource_id})


def _key(interval: Interval) -> Key:
    return {"resource_id": interval.resource_id, "position": interval.position}
