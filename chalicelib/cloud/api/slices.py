"""Slices of lists by ``limit`` and ``offset``, which clients of the published API send."""

from collections.abc import Sequence
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import BaseModel

from chalicelib.kit.fields import about
from chalicelib.web.validation import Int32, Query


class SliceQuery(Query):
    """A slice of a list."""

    limit: Annotated[Int32 | None, Ge(1), Le(1_000), about("Things in the slice, at most.", 20)] = None
    offset: Annotated[Int32 | None, Ge(0), Le(1_000_000), about("Things before the slice.", 0)] = None

    @property
    def is_slice(self) -> bool:
        """Whether a slice is asked for, not the list."""
        return self.limit is not None or self.offset is not None


def slice_of(shown: Sequence[BaseModel], asked: SliceQuery) -> dict[str, Any]:
    """The fields of the slice that was asked for."""
    start = asked.offset or 0
    end = start + (len(shown) if asked.limit is None else asked.limit)
    return {"data": shown[start:end], "total_count": len(shown), "has_more": end < len(shown)}
