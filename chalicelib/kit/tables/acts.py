"""Acts: which things an operator's writes act on, and which of these acts the change stream cannot tell.

A row in the change stream says who wrote it, so most acts need nothing more. A removed row names its writer before, and
a row outside of the stream is not told at all: such an act is noted by a further write of the same transaction.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chalicelib.kit.origin import Origin
from chalicelib.kit.tables.schema import Item, Thing
from chalicelib.kit.tables.writes import Check, Delete, Put, Write


class ActedOn(NamedTuple):
    """A thing that an operator acts on. ``name`` is for people, "" if it has none."""

    kind: str
    id: str
    name: str = ""


NoteAct = Callable[[Origin, ActedOn], Put]
"""Makes the write that notes an act."""


def kind_of(verb: str) -> str:
    """The kind of the things that a verb acts on: `node` of `node.block`."""
    return verb.partition(".")[0]


def acted_on(thing: Thing, row: Item) -> ActedOn:
    """The thing of a row. Raises LookupError for a row without its id."""
    if thing.id not in row:
        raise LookupError(f"a row of a {thing.kind_of(row)} without its {thing.id}")
    return ActedOn(thing.kind_of(row), str(row[thing.id]), str(row.get(thing.name or "") or ""))


def untold(writes: Sequence[Write], operation: str, verb: str) -> list[ActedOn]:
    """The things of the verb's kind that these writes act on without a row in the change stream that says so, each
    once. Raises LookupError for a deletion that does not name its thing (`Delete.row`)."""
    told: set[str] = set()
    left: dict[str, ActedOn] = {}
    for write in writes:
        thing = write.table.thing
        if thing is None or isinstance(write, Check) or (thing.made_with and isinstance(write, Put)):
            continue
        row = _known_of(write)
        if thing.kind_of(row) != kind_of(verb):
            continue
        named = write.operation if isinstance(write, Put) else ""
        if not isinstance(write, Delete) and write.table.tells(named or operation):
            told.add(str(row.get(thing.id, "")))
        else:
            one = acted_on(thing, row)
            left.setdefault(one.id, one)
    return [one for one in left.values() if one.id not in told]


def _known_of(write: Write) -> Item:
    """The attributes of its row that a write names."""
    match write:
        case Put():
            return write.item
        case Delete():
            return {**write.key, **write.row}
        case _:
            return {**write.key}
