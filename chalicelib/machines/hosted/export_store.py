"""Rows of exports of logs."""

from typing import Any

from chalicelib.kit.tables import (
    ConditionFailedError,
    Equals,
    Index,
    Item,
    Key,
    Set,
    Table,
    Tables,
    Thing,
    Update,
    put_new,
)
from chalicelib.machines.hosted.export_model import Export

DUE = "exports"
"""The partition of the index `due`: only exports that are under way."""

TABLE = Table(
    "log_exports",
    partition="node_id",
    sort="id",
    indexes=(Index("due", "due_of", "due_at", shared=True),),
    stream=True,
    expires_at="expires_epoch",
    tenanted=True,
    thing=Thing("hosted_node", id="node_id"),
)


class ExportStore:
    """Exports of one tenant, on tables of that tenant."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, node_id: str, export_id: str) -> Export | None:
        row = self._tables.get(TABLE, key_of(node_id, export_id))
        return None if row is None else Export.model_validate(row)

    def add(self, export: Export) -> None:
        """Create a new export, for a caller who is answered with it."""
        self._tables.add(put_new(TABLE, _to_item(export)), "log_export.created", result=export)

    def replace(self, old: Export, new: Export, operation: str) -> bool:
        """Change an export that was read. False if it was changed since."""
        before, after = _to_item(old), _to_item(new)
        changes = tuple(Set(name, after.get(name)) for name in after if before.get(name) != after.get(name))
        try:
            self._tables.write(
                Update(TABLE, key_of(old.node_id, old.id), changes, Equals("version", old.version)), operation
            )
        except ConditionFailedError:
            return False
        return True


def key_of(node_id: str, export_id: str) -> Key:
    return {"node_id": node_id, "id": export_id}


def _to_item(export: Export) -> Item:
    item: dict[str, Any] = export.model_dump(mode="json", exclude={"version"})
    return {**item, "due_of": None if export.due_at is None else DUE}
