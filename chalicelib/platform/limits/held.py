"""A container's memory of its callers, within bounds."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_REMEMBERED = 10_000
"""Callers, about 2 MB; beyond it the one that was silent longest starts afresh."""


class Held(Generic[T]):
    """A value for each caller; ``new`` makes that of an unknown one."""

    def __init__(self, new: Callable[[], T], most: int = MOST_REMEMBERED) -> None:
        self._new = new
        self._most = most
        self._values: OrderedDict[str, T] = OrderedDict()

    def of(self, caller: str) -> T:
        """The caller's value. It is the last to be forgotten now."""
        if caller not in self._values:
            self._values[caller] = self._new()
            if len(self._values) > self._most:
                self._values.popitem(last=False)
        self._values.move_to_end(caller)
        return self._values[caller]
