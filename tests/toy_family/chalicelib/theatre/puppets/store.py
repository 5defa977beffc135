"""Rows of puppets: keys, indexes and attribute names."""

from collections.abc import Iterator

from chalicelib.kit.listing import Choice, IndexSource, Listing, Moment, Text, all_rows, fixed, rows_with
from chalicelib.kit.tables import (
    Delete,
    Equals,
    Index,
    Item,
    Key,
    Put,
    Query,
    Remove,
    Set,
    Table,
    Tables,
    Thing,
    Update,
    put_new,
)
from chalicelib.theatre.puppets.model import Puppet, State

LISTING = "puppets"
"""The single partition of the index `listing`: puppets are made one by one, so it is never hot."""

TABLE = Table(
    "puppets",
    partition="id",
    indexes=(
        Index("listing", "listing", "id", ("name", "state", "inserted_at", "updated_at")),
        Index("by_state", "state", "id"),
        Index("repair_due", "due", "id"),
    ),
    stream=True,
    thing=Thing("puppet", name="name"),
)

_ALL = IndexSource(index="listing", partitions=fixed(LISTING), totals=all_rows(TABLE))
_BY_STATE = IndexSource(index="by_state", by="state", partitions=list, totals=rows_with(TABLE, "state"))

TOTALS = {**_ALL.counted(TABLE), **_BY_STATE.counted(TABLE, *State)}
"""Totals that are kept as counters, and what a recount reads."""

PUPPETS = Listing(
    TABLE,
    fields={"name": Text("name"), "state": Choice("state"), "inserted_at": Moment("inserted_at")},
    sources=(_BY_STATE, _ALL),
)


class PuppetStore:
    """Reads rows."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def find(self, puppet_id: str) -> Puppet | None:
        row = self._tables.get(TABLE, _key(puppet_id))
        return None if row is None else from_item(row)

    def due_for_repair(self) -> Iterator[str]:
        """The ids of broken puppets, as far as the index shows them."""
        for page in self._tables.pages(Query(TABLE, "repair", TABLE.index("repair_due"))):
            yield from (str(row["id"]) for row in page.items)


def put(puppet: Puppet) -> Put:
    """A new puppet, due for repair."""
    return put_new(TABLE, {**puppet.model_dump(mode="json"), "listing": LISTING, "due": "repair"})


def repaired(puppet_id: str, at: str) -> Update:
    """The puppet is whole; fails if it is gone or has been repaired."""
    changes = (Set("state", State.WHOLE.value), Set("updated_at", at), Remove("due"))
    return Update(TABLE, _key(puppet_id), changes, Equals("state", State.BROKEN.value))


def delete(puppet_id: str) -> Delete:
    """Remove a puppet that the caller has read."""
    return Delete(TABLE, _key(puppet_id), was_read=True)


def from_item(row: Item) -> Puppet:
    """A puppet from its row, or from its entry in the index `listing`."""
    return Puppet.model_validate({name: row[name] for name in Puppet.model_fields})


def _key(puppet_id: str) -> Key:
    return {"id": puppet_id}
