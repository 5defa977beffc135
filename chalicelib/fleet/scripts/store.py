"""Rows of scripts: keys, indexes and attribute names."""

from chalicelib.fleet.scripts.model import Script
from chalicelib.kit.listing import LISTED_AT, IndexSource, all_rows, fixed
from chalicelib.kit.tables import Delete, Equals, Index, Item, Put, Set, Table, Tables, Thing, Update, put_new

LISTING = "scripts"
"""The one partition of the index `listing`: operators make scripts one by one, so it is never hot."""

SCRIPTS = Table(
    "scripts",
    partition="id",
    indexes=(Index("listing", "listing", "listed_at", ("inserted_at", "updated_at")),),
    stream=True,
    unparked=frozenset({"script_text", "parameters"}),
    thing=Thing("script", name="name"),
)

ALL_SCRIPTS = IndexSource(index="listing", partitions=fixed(LISTING), insertion=LISTED_AT, totals=all_rows(SCRIPTS))
SCRIPT_TOTALS = ALL_SCRIPTS.counted(SCRIPTS)
"""Totals that are kept as counters, and what a recount reads."""


def find(tables: Tables, name: str) -> Script | None:
    """The script of this name. The name is the key, so that it is unique because a row is."""
    row = tables.get(SCRIPTS, {"id": name})
    return None if row is None else from_item(row)


def insert(script: Script) -> Put:
    """A new script; fails if there is one of that name."""
    listed_at = f"{script.inserted_at}#{script.id}"
    return put_new(SCRIPTS, {**_to_item(script), "listing": LISTING, "listed_at": listed_at})


def replace(script: Script, known_version: int) -> Update:
    """The script as it is now, if it has not changed since it was read in this version."""
    item = _to_item(script)
    changes = tuple(Set(name, item[name]) for name in ("description", "script_text", "parameters", "updated_at"))
    return Update(SCRIPTS, {"id": script.id}, changes, Equals("version", known_version))


def remove(script: Script) -> Delete:
    """Delete the row, if it has not changed since it was read."""
    row: Item = {"name": script.name}
    return Delete(SCRIPTS, {"id": script.id}, Equals("version", script.version), was_read=True, row=row)


def from_item(row: Item) -> Script:
    return Script.model_validate(row)


def _to_item(script: Script) -> Item:
    return script.model_dump(mode="json", exclude={"version"})
