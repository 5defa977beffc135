"""The end of tenants and users: the tasks that their deletion asks for, and the removal of rows in chunks.

A context that has rows of a tenant does its part of `TENANT_GONE`, one that has rows of a user of `USER_GONE`. No
request adds such a row meanwhile: each touches the row of its tenant, on condition that it is not deleted.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from chalicelib.kit.tables import Delete, Item, Query, Tables, Write
from chalicelib.platform.context import Task

TENANT_GONE = "cloud_tenant"
USER_GONE = "cloud_user"

MOST = 25
"""Rows of one chunk, each with one further row at most."""

Removal = Callable[[Item], Sequence[Write]]
"""The writes to other rows that go with the removal of one."""


EmptyChunk = Callable[[Tables, str | None], str | None]
"""Removes the next rows of a deleted tenant, on its view, behind a cursor; returns the cursor of the next chunk if
there are more."""


def emptying(empty_chunk: EmptyChunk) -> Task:
    """The part of `TENANT_GONE` of a context whose rows of a tenant are removed so."""
    return Task(lambda cloud, message: empty_chunk(cloud.platform.tables.scoped(message["id"]), message.get("cursor")))


def alone(_row: Item) -> Sequence[Write]:
    """No other row goes with it."""
    return ()


def next_cursor(cursor: str | None) -> str:
    """The cursor of the next chunk: the number of those before it. It names no row, since it is logged."""
    return str(int(cursor or 0) + 1)


def remove_chunk(tables: Tables, query: Query, cursor: str | None, with_it: Removal = alone) -> str | None:
    """Remove the next rows of a partition of one tenant; returns the cursor of the next chunk if there are more. Twice,
    late or beside another pass, it removes those that are there."""
    page = tables.query(replace(query, limit=MOST))
    writes = [write for row in page.items for write in (Delete(query.table, query.table.key_of(row)), *with_it(row))]
    if writes:
        own = [write for write in writes if write.table.tenanted]
        tables.commit(own, "tenant.emptied", beside=[write for write in writes if not write.table.tenanted])
    return next_cursor(cursor) if page.last_key is not None else None
