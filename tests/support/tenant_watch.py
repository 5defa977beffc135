"""Sees which partitions of tables of tenants are addressed while a request works."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from chalicelib.kit.tables import Put


@dataclass
class Reach:
    """The ``tenant`` that a request may reach, "" for none; what it has addressed elsewhere, and the tables in which it
    has written."""

    tenant: str
    strayed: list[tuple[str, str, str, str]] = field(default_factory=list)
    wrote: set[str] = field(default_factory=set)


WORKING: ContextVar[Reach | None] = ContextVar("working", default=None)
"""The reach of the request under way; None outside of requests."""


class TenantWatch:
    """Looks at every call of a driver. ``seen`` are the tables of tenants that were addressed."""

    def __init__(self, driver: Any) -> None:
        self.seen: set[str] = set()
        for name in ("get", "batch_get", "query", "query_many", "write", "transact"):
            setattr(driver, name, self._watched(name, getattr(driver, name)))

    def _watched(self, name: str, made: Callable[..., Any]) -> Callable[..., Any]:
        def call(what: Any, *more: Any, **options: Any) -> Any:
            reach = WORKING.get()
            if reach is not None:
                for one in what if name in {"batch_get", "query_many", "transact"} else [what]:
                    self._look(name, one, reach)
            return made(what, *more, **options)

        return call

    def _look(self, name: str, one: Any, reach: Reach) -> None:
        if not one.table.tenanted:
            return
        if hasattr(one, "partition"):
            addressed = str(one.partition)
        else:
            addressed = str((one.item if isinstance(one, Put) else one.key)[one.table.partition])
        self.seen.add(one.table.name)
        if addressed.partition("|")[0] != reach.tenant:
            reach.strayed.append((name, one.table.name, addressed, reach.tenant))
