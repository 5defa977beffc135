"""`Member`: a list field that looks into a list of objects in the row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from chalicelib.kit.listing.fields import ALSO_IN, ANY_OF, Field, Test, listed, text_test
from chalicelib.kit.listing.request import FilterValue
from chalicelib.kit.tables import Item


@dataclass(frozen=True)
class Member(Field):
    """Rows with an object in the list ``attribute`` whose ``key`` passes, with the grammar of `Text`. Lists cannot be
    sorted by it."""

    attribute: str
    key: str
    kinds: ClassVar[tuple[str, ...]] = ALSO_IN

    @property
    def needs(self) -> frozenset[str]:
        return frozenset({self.attribute})

    def test(self, operator: str, wanted: FilterValue, now: datetime | None) -> Test:
        del now
        fits = frozenset(listed(str(wanted))).__contains__ if operator == ANY_OF else text_test(str(wanted))

        def holds(item: Item) -> bool:
            objects = item.get(self.attribute)
            return isinstance(objects, list) and any(
                isinstance(one, Mapping) and fits(str(one.get(self.key, ""))) for one in objects
            )

        return holds
