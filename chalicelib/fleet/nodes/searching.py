"""The search of nodes by what people call them."""

from collections.abc import Callable, Iterator
from datetime import datetime

from chalicelib.kit.listing import Field, FilterValue
from chalicelib.kit.tables import Item


class Search(Field):
    """Rows whose id, host name or one of whose aliases begins with the text, in any letter case."""

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({"id", "hostname", "aliases"})

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Callable[[Item], bool]:
        del operator, now
        beginning = _beginning(wanted)
        return lambda item: any(name.casefold().startswith(beginning) for name in names_in(item))

    def exact(self, wanted: FilterValue) -> tuple[str, ...] | None:
        """The beginning in lower case; None if any name begins so."""
        beginning = _beginning(wanted)
        return (beginning,) if beginning else None


def names_in(item: Item) -> Iterator[str]:
    """The names of the node of a row."""
    yield str(item["id"])
    if isinstance(hostname := item.get("hostname"), str):
        yield hostname
    if isinstance(aliases := item.get("aliases"), list):
        yield from (str(alias["name"]) for alias in aliases if isinstance(alias, dict))


def _beginning(wanted: FilterValue) -> str:
    return str(wanted).strip().casefold()
