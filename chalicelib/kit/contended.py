"""Writes to a row that others may change at the same time."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from chalicelib.kit.errors import unavailable
from chalicelib.kit.tables import (
    NO_RESULT,
    ConditionFailedError,
    Delete,
    Item,
    Put,
    Tables,
    TransactionFailedError,
    Update,
    Write,
)

T = TypeVar("T")


def write_current(
    tables: Tables,
    known: T,
    write_of: Callable[[T], Put | Update | Delete | None],
    read: Callable[[Item], T],
    operation: str,
) -> None:
    """Write what ``write_of`` makes of the row as it is known; if it was changed meanwhile, what it makes of the row as
    it is now, which ``read`` understands. Done as well when the row is gone, or when ``write_of`` finds nothing to
    write. Raises `EdgeError` (service unavailable) if others are faster again and again."""
    for _ in tables.tries():
        write = write_of(known)
        if write is None:
            return
        try:
            tables.write(write, operation)
        except ConditionFailedError as error:
            if error.current is None:
                return
            known = read(error.current)
        else:
            return
    raise unavailable()


def is_committed(
    tables: Tables,
    writes: Sequence[Write],
    operation: str,
    *,
    beside: Sequence[Write] = (),
    result: object = NO_RESULT,
) -> bool:
    """Make the writes as `Tables.commit` does; returns False if one of the conditions does not hold."""
    try:
        tables.commit(writes, operation, beside=beside, result=result)
    except TransactionFailedError:
        return False
    return True
