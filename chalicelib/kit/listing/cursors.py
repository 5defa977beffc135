"""Opaque cursors: positions in one list, sealed for one caller."""

import base64
import binascii
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

from chalicelib.kit.data_keys import UnsealError
from chalicelib.kit.errors import EdgeError, bad_request
from chalicelib.kit.listing.plan import ReadPlan
from chalicelib.kit.origin import current_origin

_FOREIGN = "Not a cursor of this list for this key: use next_cursor with the same filters, or an empty one to start"


class Revealed(Protocol):
    """A text that was opened."""

    def reveal(self) -> str: ...


class Seals(Protocol):
    """Seals texts (`kit.crypto.Sealer`)."""

    def seal(self, text: str, associated: str) -> bytes: ...
    def open(self, sealed: bytes, associated: str) -> Revealed: ...


class Cursors:
    """The cursors of one list: of the same rows, filters and order, for the same caller."""

    def __init__(self, seals: Callable[[], Seals], plan: ReadPlan) -> None:
        self._seals = seals
        self._associated = _associated(plan)

    def cursor_at(self, position: str) -> str:
        """The cursor of a position."""
        return base64.urlsafe_b64encode(self._seals().seal(position, self._associated)).decode().rstrip("=")

    def position_in(self, cursor: str) -> str | None:
        """The position; None for a cursor of another list or caller, and for any other text."""
        try:
            sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            return self._seals().open(sealed, self._associated).reveal()
        except (UnsealError, ValueError, binascii.Error):
            return None


def foreign_cursor() -> EdgeError:
    """The refusal of a cursor that leads nowhere in the list."""
    return bad_request({"cursor": [_FOREIGN]})


def _associated(plan: ReadPlan) -> str:
    """Names the list, how it is read, and the caller. It does not hold the page's size, which may change on the way."""
    filters = sorted((one.name, one.operator, str(one.wanted)) for one in plan.filters)
    queries = [(query.partition, repr(query.sort)) for query in plan.queries]
    keys = [sorted(ref.key.items()) for ref in plan.direct]
    index = "" if plan.index is None else plan.index.name
    listed = [plan.table.name, index, queries, keys, filters, plan.order, current_origin().actor]
    return f"cursor/{sha256(json.dumps(listed, default=str).encode()).hexdigest()}"
