"""Bodies of answers as text: the port that each published API fills in with its own envelope."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pydantic import BaseModel

from chalicelib.kit.errors import EdgeError


class PageNumbers(Protocol):
    """The numbers from which pagination is computed; `kit.listing.ListPage` has them."""

    @property
    def page(self) -> int: ...

    @property
    def page_size(self) -> int: ...

    @property
    def total_count(self) -> int: ...

    @property
    def by_cursor(self) -> bool: ...

    @property
    def next_cursor(self) -> str | None: ...

    @property
    def indexing(self) -> bool: ...


class Renderer(Protocol):
    """Renders the body of one answer. It is made with the id of the request and the current time."""

    def success(self, data: BaseModel) -> str:
        """The body of a single result."""
        ...

    def paginated(self, items: Sequence[BaseModel], page: PageNumbers, *, may_be_fewer: bool = False) -> str:
        """The body of one page of a list. ``may_be_fewer`` allows to show only the first items of a page that is too
        large for one answer; without it such a page is a bad request."""
        ...

    def error(self, error: EdgeError) -> str:
        """The body of an error."""
        ...

    def error_headers(self, error: EdgeError) -> Mapping[str, str]:
        """Headers of an error beside ``retry-after``, ``allow`` and ``www-authenticate``; lower-case names."""
        ...


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def to_json(value: Any) -> str:
    """Compact JSON text in UTF-8."""
    return _ENCODER.encode(value)
