"""Seals values of older data keys with the newest one, so that the older keys can be dropped.

A sealed attribute ends with ``_sealed``; the place that it is sealed for is its row's and its own name without that
ending. The rows that are left are known by their values: each begins with the id of its key.
"""

from collections.abc import Mapping, Sequence

from chalicelib.kit.crypto import Sealer, associated_data, key_id_of
from chalicelib.kit.data_keys import UnsealError
from chalicelib.kit.tables import And, Equals, Item, Ref, Set, Table, Tables, Update
from chalicelib.kit.tables.tenants import owner_of, whole

SUFFIX = "_sealed"

ROWS_PER_MESSAGE = 50
"""Rows that one message seals again: about a second of single writes."""


class Resealing:
    """May be repeated, late and beside itself: a row is written only as it was read. ``sealed`` names the sealed
    attributes of each table."""

    def __init__(self, tables: Tables, sealer: Sealer, sealed: Mapping[Table, tuple[str, ...]]) -> None:
        self._tables = tables
        self._sealer = sealer
        self._sealed = sealed

    def reseal(self, table_name: str, ids: Sequence[str]) -> int:
        """Seal the secrets of these rows with the newest key; returns how many rows were written.

        A row that changes meanwhile is left alone: its writer sealed it anew, or the next look finds it again.
        Raises `UnsealError` for a value that cannot be opened, after all other rows are done.
        """
        table = next(table for table in self._sealed if table.name == table_name)
        newest = self._sealer.keys.newest(fresh=True).id
        rows = self._tables.get_many([Ref(whole(table), {"id": row_id}) for row_id in ids])
        written, failures = 0, []
        for row in rows:
            if row is None:
                continue
            try:
                written += self._reseal_row(table, row, newest)
            except UnsealError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return written

    def _reseal_row(self, table: Table, row: Item, newest: bytes) -> bool:
        row_id = str(row["id"])
        sealed_for = owner_of(row_id)[1] if table.tenanted else row_id
        values = {name: row.get(name) for name in self._sealed[table]}
        old = {name: value for name, value in values.items() if isinstance(value, bytes) and key_id_of(value) != newest}
        if not old:
            return False
        changes = []
        for name, value in old.items():
            associated = associated_data(table, sealed_for, name.removesuffix(SUFFIX))
            changes.append(Set(name, self._sealer.seal_bytes(self._sealer.open_bytes(value, associated), associated)))
        as_read = And(*(Equals(name, value) for name, value in old.items()))
        return self._tables.try_write(
            Update(whole(table), {"id": row_id}, tuple(changes), as_read), f"{table.name}.resealed"
        )
