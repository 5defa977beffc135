"""The bodies of answers: data, data with pagination, error. Each carries the request id and the time of rendering."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pydantic_core
from pydantic import BaseModel

from chalicelib.kit.clock import to_microseconds_text
from chalicelib.kit.errors import EdgeError
from chalicelib.web.page_bytes import fitting
from chalicelib.web.problems import bounded, shortened
from chalicelib.web.rendering import PageNumbers, to_json

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Envelope:
    """Renders the bodies of one answer. ``meta.timestamp`` has microseconds."""

    def __init__(self, request_id: str, now: datetime) -> None:
        self._meta: dict[str, Any] = {"request_id": request_id, "timestamp": to_microseconds_text(now)}

    def success(self, data: BaseModel) -> str:
        return _joined(data.model_dump_json(), self._meta)

    def paginated(self, items: Sequence[BaseModel], page: PageNumbers, *, may_be_fewer: bool = False) -> str:
        """Raises `EdgeError` (bad request) for a page that is too large, unless it ``may_be_fewer`` items."""
        rows = [item.model_dump_json() for item in items]
        # A cursor leads behind the last item that was read: none of them may be left out.
        shown = fitting(rows, may_be_fewer=may_be_fewer and not page.by_cursor)
        numbers = pagination(page)
        if len(shown) < len(rows):
            # The rest moves up into this page when what is shown has been taken.
            numbers |= {"has_next": True, "next_page": page.page}
        meta = {**self._meta, "pagination": numbers} | ({"indexing": True} if page.indexing else {})
        return _joined(f"[{','.join(shown)}]", meta)

    def error(self, error: EdgeError) -> str:
        """``details`` is absent, not null, when there is nothing to say; of many problems the first are named."""
        body: dict[str, Any] = {"code": error.code, "message": shortened(error.message)}
        if error.details is not None:
            body["details"] = bounded(error.details)
        return to_json({"error": body, "meta": self._meta})

    def error_headers(self, _error: EdgeError) -> Mapping[str, str]:
        """None: the body says everything."""
        return _NO_HEADERS


def pagination(page: PageNumbers) -> dict[str, int | bool | str | None]:
    """``meta.pagination``. ``has_prev`` says only that the page is not the first."""
    if page.by_cursor:
        has_next = page.next_cursor is not None
        return {"page_size": page.page_size, "has_next": has_next, "next_cursor": page.next_cursor}
    total_pages = -(-page.total_count // page.page_size)
    has_next = page.page < total_pages
    has_prev = page.page > 1
    return {
        "page": page.page,
        "page_size": page.page_size,
        "total_count": page.total_count,
        "total_pages": total_pages,
        "has_next": has_next,
        "has_prev": has_prev,
        "next_page": page.page + 1 if has_next else None,
        "prev_page": page.page - 1 if has_prev else None,
    }


def _joined(data: str, meta: Mapping[str, Any]) -> str:
    """Text around text: pydantic writes a model's JSON many times faster than the dict that it would make of it."""
    return f'{{"data":{data},"meta":{pydantic_core.to_json(meta).decode()}}}'
