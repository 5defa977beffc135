"""Finds due rows of all tenants, for sweeps of families: which tenant's they are, and their keys."""

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.kit.tables import Between, Key, Query, Table, Tables
from chalicelib.kit.tables.tenants import owner_of, whole

PAGE = 100
"""Entries read at a time."""


@dataclass(frozen=True)
class DueRow:
    """The key of a row as its tenant sees it."""

    tenant: str
    key: Key


def due_of_tenants(tables: Tables, table: Table, partition: str, now: str, limit: int) -> Iterator[DueRow]:
    """The rows of a tenanted table whose ``due_at`` has passed (seconds text), most overdue first, by its shared index
    ``due``; at most ``limit``. The index lags: a row may be due no longer, so the caller decides anew on each."""
    query = Query(whole(table), partition, index=table.index("due"), sort=Between("0", now), limit=PAGE)
    left = limit
    for page in tables.pages(query):
        for entry in page.items[:left]:
            tenant, value = owner_of(str(entry[table.partition]))
            yield DueRow(tenant.id, {**table.key_of(entry), table.partition: value})
        left -= len(page.items)
        if left <= 0:
            return
