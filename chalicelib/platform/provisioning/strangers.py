"""Things at providers that carry our tags and that no row wants: they are reported, and never touched."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from chalicelib.kit.clock import Clock
from chalicelib.kit.tables.tenants import is_tenant
from chalicelib.platform.provisioning.model import Resource, State, Tagged
from chalicelib.platform.provisioning.ports import Driver
from chalicelib.platform.provisioning.resource_store import Name, ResourceStore
from chalicelib.platform.provisioning.store import EXTERNAL_ID

AT_ONCE = 100


@dataclass(frozen=True)
class Stranger:
    """A thing of a kind, and why it does not belong to a resource."""

    kind: str
    thing: Tagged
    why: str


class Strangers:
    """Compares what providers have with the rows."""

    def __init__(
        self, store: ResourceStore, kinds: Collection[str], driver_of: Callable[[str], Driver], clock: Clock
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._driver_of = driver_of
        self._clock = clock

    def find(self) -> Iterator[Stranger]:
        """The strangers of all kinds. A thing that came after its row had ended is not reported: its row is woken,
        and removes it. The error of a driver is passed on once the other kinds have been compared."""
        failures: list[Exception] = []
        for kind in self._kinds:
            try:
                yield from self._strangers_of(kind)
            except Exception as error:  # noqa: BLE001 - a driver that fails in any way must not hide the other kinds
                failures.append(error)
        if failures:
            raise failures[0]

    def _strangers_of(self, kind: str) -> Iterator[Stranger]:
        things = iter(self._driver_of(kind).tagged())
        while some := list(islice(things, AT_ONCE)):
            yield from self._strangers_among(kind, some)

    def _strangers_among(self, kind: str, things: list[Tagged]) -> Iterator[Stranger]:
        names = list(dict.fromkeys(_name_of(thing) for thing in things if is_tenant(thing.tenant)))
        rows = {(row.tenant, row.id): row for row in self._store.find_many(names) if row.kind == kind}
        for thing in things:
            row = rows.get(_name_of(thing))
            if row is None:
                yield Stranger(kind, thing, "no resource has its id")
            elif row.external.get(EXTERNAL_ID, thing.external_id) != thing.external_id:
                yield Stranger(kind, thing, "its resource has another thing")
            elif row.is_released and not self._is_removed(row):
                yield Stranger(kind, thing, f"its resource is {row.state}")

    def _is_removed(self, row: Resource) -> bool:
        """Whether the row will remove its thing: one that is gone does."""
        if row.state is not State.GONE:
            return False
        return self._store.wake((row.tenant, row.id), self._clock.now(), "resource.woken")


def _name_of(thing: Tagged) -> Name:
    return thing.tenant, thing.resource_id
