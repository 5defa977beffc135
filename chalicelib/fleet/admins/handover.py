"""Notices clusters that have a new owner, so that work that was queued for the previous owner can be queued again. The
queue of a dead owner stays unread. The work in it can be found in the tables: the sweep queues all of it again, for the
current owner.
"""

from dataclasses import dataclass

from chalicelib.fleet.admins.ownership import CACHED_FOR, routes_of
from chalicelib.fleet.admins.store import AdminStore
from chalicelib.kit.clock import Clock
from chalicelib.kit.tables import Tables

REDELIVER_AFTER_SECONDS = int(CACHED_FOR.total_seconds()) + 5
"""When to queue again: after the last container has read who owns now, and any work that it had sent to the owner
before can be found by its index."""


@dataclass(frozen=True)
class Moved:
    """Clusters whose work goes to another queue than when it was last noted; ``routes`` and ``version`` note it."""

    cluster_names: tuple[str, ...]
    routes: dict[str, str]
    version: int


class Handover:
    """Each method is one call; both may be repeated, and run in two sweeps at once."""

    def __init__(self, tables: Tables, clock: Clock, admin_cluster_name: str) -> None:
        self._clock = clock
        self._admin_cluster_name = admin_cluster_name
        self._store = AdminStore(tables)

    def moved(self) -> Moved:
        """The clusters whose owner has changed since the last `note`, including new and deleted ones."""
        snapshot, before, version = self._store.standing(self._admin_cluster_name)
        now = routes_of(snapshot, self._clock.now())
        names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
        return Moved(tuple(names), now, version)

    def note(self, moved: Moved) -> None:
        """The work on these clusters is queued again. Where another sweep noted something meanwhile this is dropped:
        the next one finds what is left."""
        self._store.hand_over(self._admin_cluster_name, moved.version, moved.routes)
