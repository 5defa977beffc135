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
        beginning = str(wanted).strip().casefold()
        return lambda item: any(name.casefold().startswith(beginning) for name in _names(item))


def _names(item: Item) -> Iterator[str]:
    yield str(item["id"])
    if isinstance(hostname := item.get("hostname"), str):
        yield hostname
    if isinstance(aliases := item.get("aliases"), list):
        yield from (str(alias["name"]) for alias in aliases if isinstance(alias, dict))
