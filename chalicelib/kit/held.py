"""A container's memory of its callers, within bounds."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")

MOST_REMEMBERED = 10_000
"""Callers, about 2 MB; beyond it the one that was silent longest starts afresh."""


class Held(Generic[K, T]):
    """A value for each caller. Beyond ``most`` the one that was asked for longest ago is forgotten."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._values: OrderedDict[K, T] = OrderedDict()

    def find(self, caller: K) -> T | None:
        """The caller's value, None if there is none. It is the last to be forgotten now."""
        if caller not in self._values:
            return None
        self._values.move_to_end(caller)
        return self._values[caller]

    def keep(self, caller: K, value: T) -> T:
        """Remember this value of the caller; returns it."""
        self._values[caller] = value
        self._values.move_to_end(caller)
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value

    def forget(self, caller: K) -> None:
        """Remember nothing of the caller."""
        self._values.pop(caller, None)

    def of(self, caller: K, new: Callable[[], T]) -> T:
        """The caller's value, which ``new`` makes if there is none."""
        value = self.find(caller)
        return self.keep(caller, new()) if value is None else value
