"""`Puppets`: makes, lists, repairs and removes puppets."""

from collections.abc import Iterator

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import found
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.kit.tables import Tables
from chalicelib.theatre.puppets import store
from chalicelib.theatre.puppets.model import Puppet, State
from chalicelib.theatre.puppets.store import PuppetStore


class Puppets:
    """Every write is one conditional write; the change stream has broken puppets repaired."""

    def __init__(self, tables: Tables, clock: Clock, ids: Ids, lists: Lists) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._lists = lists
        self._store = PuppetStore(tables)

    def create(self, name: str) -> Puppet:
        """Make a puppet, which is broken at first."""
        now = self._clock.now()
        text = to_seconds_text(now)
        puppet = Puppet(id=self._ids.uuid7(now), name=name, state=State.BROKEN, inserted_at=text, updated_at=text)
        self._tables.commit([store.put(puppet)], "puppet.created", result=puppet)
        return puppet

    def get(self, puppet_id: str) -> Puppet:
        """Raises `EdgeError` (not found)."""
        return found(self._store.find(puppet_id))

    def list_page(self, request: ListRequest) -> ListPage[Puppet]:
        """Raises `EdgeError` (bad request) for a request that reads too many rows."""
        return self._lists.page(store.PUPPETS, request).map(store.from_item)

    def repair(self, puppet_id: str) -> bool:
        """Repair it, if it is there and broken; returns whether this call did. May be repeated."""
        return self._tables.try_write(store.repaired(puppet_id, to_seconds_text(self._clock.now())), "puppet.repaired")

    def due_for_repair(self) -> Iterator[str]:
        """The ids of puppets that still have to be repaired."""
        return self._store.due_for_repair()
