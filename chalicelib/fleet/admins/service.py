"""Use cases of admins: the heartbeat with its computation, and what it last found."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from chalicelib.fleet.admins import rules
from chalicelib.fleet.admins.model import UNLIMITED_PEERS, Admin, Assignment, KnownAdmin, Snapshot
from chalicelib.fleet.admins.store import ASSIGNMENT_LIMIT_BYTES, AdminStore
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.vpn.names import host_name, network_name
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, bad_request
from chalicelib.kit.listing import OLDEST_FIRST, ListRequest
from chalicelib.kit.tables import Tables

MOST_CLUSTERS = 100_000
"""The maximum of clusters in a computation: six times the capacity of the default address pool."""

CLUSTERS_AT_ONCE = 1000
"""Rows of clusters read in one page of the walk over them."""

DEGRADED_CACHED_FOR = timedelta(seconds=10)
"""How long a container believes what it has read about degraded mode; the computation comes once a minute."""

NodeNames = Mapping[str, Sequence[str]]
"""The network of a cluster -> the names of its nodes."""


class Admins:
    """``me`` is the stack that this runs in. ``clusters`` must make no default cluster, and list `MOST_CLUSTERS`;
    ``list_read_limit`` is how many nodes one answer may name."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        clusters: Clusters,
        nodes: NodeReader,
        *,
        me: Admin,
        list_read_limit: int,
        clusters_at_once: int = CLUSTERS_AT_ONCE,
        assignment_limit_bytes: int = ASSIGNMENT_LIMIT_BYTES,
    ) -> None:
        self.me = me
        self._clock = clock
        self._clusters = clusters
        self._nodes = nodes
        self._store = AdminStore(tables, assignment_limit_bytes)
        self._list_read_limit = list_read_limit
        self._clusters_at_once = clusters_at_once
        self._degraded = False
        self._degraded_read_at: datetime | None = None

    def beat(self) -> Snapshot:
        """Say that this admin is alive, compute who owns what, and keep it; returns what was found.

        Safe to repeat, to run in several stacks at once, and to be killed anywhere: each of the two writes is whole,
        and the next tick does both again. Where another stack's computation was kept meanwhile, ours is dropped: it saw
        the same rows. Raises `EdgeError` (bad request) above `MOST_CLUSTERS`, (service unavailable).
        """
        self._store.beat(self.me, self._clock.now())
        last = self._store.snapshot(self.me.admin_cluster_name)
        found = self._compute(last)
        self._store.replace(last.version if last else 0, found)
        return found

    def snapshot(self) -> Snapshot:
        """The last computation of this admin cluster; this admin alone, at no time, before there is one. It may be a
        second old."""
        kept = self._store.snapshot(self.me.admin_cluster_name, consistent=False)
        return kept or Snapshot(
            admin_cluster_name=self.me.admin_cluster_name,
            computed_at=None,
            topology=(self.me,),
            total_nodes=0,
            assignment=Assignment(owned={self.me.name: ()}),
        )

    def degraded(self) -> bool:
        """Whether there are more nodes than the admins have room for, as of at most a tick and `DEGRADED_CACHED_FOR`
        ago. Reads nothing where this admin has no limit: then there is room for all."""
        if self.me.max_wireguard_peers >= UNLIMITED_PEERS:
            return False
        now = self._clock.now()
        if self._degraded_read_at is None or now - self._degraded_read_at >= DEGRADED_CACHED_FOR:
            self._degraded, self._degraded_read_at = self.snapshot().is_degraded, now
        return self._degraded

    def known(self) -> list[tuple[KnownAdmin, bool]]:
        """Every admin of these tables by name, and whether it is alive: also of other admin clusters, and dead ones
        for a week or so."""
        now = self._clock.now()
        return [(admin, rules.is_live(parse_time(admin.last_seen_at), now)) for admin in self._store.admins()]

    def node_names_by_admin(self) -> dict[str, NodeNames]:
        """The clusters and nodes of each admin. Owners are those of the last computation, nodes the current ones, so a
        newer cluster is not included. Raises `EdgeError` (bad request) if there are too many nodes to list."""
        snapshot = self.snapshot()
        owned = self._assignment_of(snapshot).owned
        nodes = self._node_names() if any(owned.values()) else {}
        return {admin.name: _named(owned.get(admin.name, ()), nodes) for admin in snapshot.topology}

    def node_names_of_orphans(self) -> NodeNames:
        """The clusters that found no room; otherwise as `node_names_by_admin`."""
        orphaned = self._assignment_of(self.snapshot()).orphaned
        return _named(orphaned, self._node_names() if orphaned else {})

    def _compute(self, last: Snapshot | None) -> Snapshot:
        sizes = self._sizes()
        live = {self.me.name: self.me}
        for admin, is_live in self.known():
            if is_live and admin.admin_cluster_name == self.me.admin_cluster_name and admin.name not in live:
                live[admin.name] = Admin(**admin.model_dump(exclude={"last_seen_at"}))
        budgets = {name: admin.max_wireguard_peers for name, admin in live.items()}
        before = last.assignment.owners if last and last.assignment else {}
        owned, orphaned = rules.assign(sizes, budgets, before)
        assignment = Assignment(owned={name: tuple(each) for name, each in owned.items()}, orphaned=tuple(orphaned))
        return Snapshot(
            admin_cluster_name=self.me.admin_cluster_name,
            computed_at=to_seconds_text(self._clock.now()),
            topology=tuple(live[name] for name in sorted(live)),
            total_nodes=sum(sizes.values()),
            assignment=assignment if self._store.fits(assignment) else None,
        )

    def _sizes(self) -> dict[str, int]:
        """The number of nodes of every cluster. Not of one moment: what changes during the walk is seen before or
        after, and by the next tick for certain."""
        sizes: dict[str, int] = {}
        page = 1
        while items := self._clusters.list_page(
            ListRequest(page, self._clusters_at_once, OLDEST_FIRST), reach=EVERYWHERE
        ).items:
            sizes |= {cluster.name: cluster.node_count for cluster in items}
            page += 1
        return sizes

    def _assignment_of(self, snapshot: Snapshot) -> Assignment:
        if snapshot.assignment is None or snapshot.total_nodes > self._list_read_limit:
            raise self._too_many()
        return snapshot.assignment

    def _node_names(self) -> dict[str, list[str]]:
        try:
            nodes = self._nodes.summaries_by_status(tuple(Status), None, self._list_read_limit, reach=EVERYWHERE)
        except EdgeError as error:
            raise (self._too_many() if error.kind is Kind.BAD_REQUEST else error) from error
        names: dict[str, list[str]] = {}
        for node in sorted(nodes, key=lambda each: each.id):
            names.setdefault(node.cluster_name, []).append(host_name(node.id))
        return names

    def _too_many(self) -> EdgeError:
        text = f"more than {self._list_read_limit} nodes: list them by /api/v1/nodes, cluster by cluster"
        return bad_request({"nodes": [text]})


def _named(clusters: Sequence[str], nodes: Mapping[str, Sequence[str]]) -> NodeNames:
    return {network_name(name): nodes.get(name, ()) for name in clusters}
