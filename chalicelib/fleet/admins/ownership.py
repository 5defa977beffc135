"""Finds the stack that owns a cluster, and the queue for work on its nodes. The stacks compute ownership once a minute;
workers read it here and cache it for a few seconds. A stale answer is harmless: every stack can do the work of the
others, though it may not reach the nodes.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from chalicelib.fleet.admins import rules
from chalicelib.fleet.admins.model import Admin, Snapshot
from chalicelib.fleet.admins.store import AdminStore
from chalicelib.kit.clock import Clock, parse_time
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.log import Level, Log
from chalicelib.kit.tables import Tables

CACHED_FOR = timedelta(seconds=10)
"""How long a container believes what it has read about owners; they change at most once a minute."""


class Ownership:
    """Read by one call, at most every `CACHED_FOR`. ``me`` is the stack that this runs in."""

    def __init__(self, tables: Tables, clock: Clock, log: Log, me: Admin) -> None:
        self._clock = clock
        self._log = log
        self._me = me
        self._store = AdminStore(tables)
        self._owners: Mapping[str, Admin] = {}
        self._read_at: datetime | None = None

    def owner_of(self, cluster_name: str) -> Admin | None:
        """The stack that owns the cluster. None if there is no owner, if this stack is the only one, or if the owner
        cannot be read: then the caller does the work itself. It never raises an exception."""
        now = self._clock.now()
        if self._read_at is None or now - self._read_at >= CACHED_FOR:
            self._owners, self._read_at = self._read(now), now
        return self._owners.get(cluster_name)

    def queue_of(self, cluster_name: str) -> str:
        """URL of the queue that takes work on the cluster's nodes; empty for the core's."""
        owner = self.owner_of(cluster_name)
        return "" if owner is None else owner.delivery_queue_url

    def other_owner_of(self, cluster_name: str) -> Admin | None:
        """The owner, if that is another stack than this one."""
        owner = self.owner_of(cluster_name)
        return None if owner is None or owner.name == self._me.name else owner

    def _read(self, now: datetime) -> Mapping[str, Admin]:
        try:
            snapshot = self._store.snapshot(self._me.admin_cluster_name, consistent=False)
        except EdgeError as error:
            self._log.line("owners_unknown", level=Level.WARNING, error=error.kind.value)
            return {}
        alone = snapshot is not None and all(admin.name == self._me.name for admin in snapshot.topology)
        return {} if alone else owners_of(snapshot, now)


def owners_of(snapshot: Snapshot | None, now: datetime) -> dict[str, Admin]:
    """Cluster -> owner. Empty as well for a computation so old that all who take part in it may be dead."""
    if snapshot is None or snapshot.assignment is None or snapshot.computed_at is None:
        return {}
    if not rules.is_live(parse_time(snapshot.computed_at), now):
        return {}
    admins = {admin.name: admin for admin in snapshot.topology}
    return {cluster: admins[name] for cluster, name in snapshot.assignment.owners.items()}


def routes_of(snapshot: Snapshot | None, now: datetime) -> dict[str, str]:
    """Cluster -> queue of its owner, for those whose work does not go to the core's queue."""
    owners = owners_of(snapshot, now).items()
    return {cluster: owner.delivery_queue_url for cluster, owner in owners if owner.delivery_queue_url}
