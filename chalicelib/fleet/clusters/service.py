"""Use cases of clusters."""

from collections.abc import Iterator, Sequence

from chalicelib.fleet.clusters.model import Cluster, DefaultCluster, Identified
from chalicelib.fleet.clusters.ranges import AddressRange, Pools, ranges_of
from chalicelib.fleet.clusters.reached_lists import ReachedLists
from chalicelib.fleet.clusters.rules import (
    below_count,
    check_capacity,
    check_name,
    name_taken,
    not_empty,
    overlapping,
    parse_ipv6_range,
    parse_range,
)
from chalicelib.fleet.clusters.store import CLUSTER_LIST, ClusterRef, ClusterStore, from_item
from chalicelib.fleet.clusters.subnet_store import Found, Head, Subnets
from chalicelib.fleet.reach import Reach
from chalicelib.fleet.vpn.port import Vpn
from chalicelib.fleet.vpn.registry import REGISTRY
from chalicelib.kit import tasks
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, forbidden, found, not_found, unavailable
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.kit.tables import (
    NO_RESULT,
    ConditionFailedError,
    Item,
    Tables,
    TransactionFailedError,
    Write,
    attaching,
)

_CLUSTER_INDEX = 0
"""The index of the cluster's own write in every transaction of this module."""

_IPV6_INDEX = 1
"""That of the IPv6 range in a creation, if one was asked for."""


class Clusters:
    """Creates, changes, deletes and finds clusters, and counts their nodes.

    ``reserved_slots`` are the addresses of a range that are kept from nodes. The ``default`` cluster is made once per
    container on its first use; an operator who deletes it meets it again in the next container. Raises ValueError for
    one that could never be made.
    """

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        *,
        pools: Pools,
        reserved_slots: int,
        lists: Lists,
        default: DefaultCluster | None = None,
        vpn: Vpn = REGISTRY,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._store = ClusterStore(tables)
        self._subnets = Subnets(tables, pools)
        self._reserved_slots = reserved_slots
        self._lists = ReachedLists(lists, self.within)
        self._vpn = vpn
        self._default = default
        self._default_ensured = False
        if default is not None:
            self._check_default(default)

    def create(
        self, name: str, ipv4_range: str | None, node_limit: int | None, ipv6_range: str | None = None
    ) -> Cluster:
        """Create an empty cluster with the requested ranges or, by default, the first free one. Its network in the mesh
        follows from the change stream. Raises `EdgeError` (validation failed) for a reserved name, an invalid or
        forbidden range, or a limit above the range's capacity; (conflict) if the name or addresses of a requested range
        are taken, also by a network of the mesh; (service unavailable) if all pools are used up, the row stays
        contended, or the mesh does not answer.
        """
        wanted = self._check_request(name, ipv4_range, node_limit)
        ipv6_chosen = None if ipv6_range is None else parse_ipv6_range(ipv6_range)
        foreign = ranges_of(self._vpn.taken_ranges(name))
        for _ in self._tables.tries():
            head = self._subnets.head()
            is_lowest = False
            if wanted is None:
                found = self._first_free(head, foreign)
                taken, is_lowest = found.range, found.is_lowest
            elif self._subnets.is_free(wanted) and not any(wanted.overlaps(other) for other in foreign):
                taken = wanted
            else:
                raise overlapping(ipv4_range or wanted.cidr)
            cluster = self._new(name, taken, node_limit, ipv6_chosen)
            # If the search skipped ranges that others hold for now, the next search must check them again.
            take = self._subnets.take_first_free if is_lowest else self._subnets.take
            writes = [self._store.put(cluster), *take(head, taken, cluster.id)]
            if ipv6_chosen is not None:
                writes.insert(_IPV6_INDEX, self._subnets.take_ipv6(ipv6_chosen, cluster.id))
            failed = self._try(writes, "cluster.created", result=cluster)
            if failed is None:
                return cluster
            if _CLUSTER_INDEX in failed:
                raise name_taken()
            if ipv6_chosen is not None and _IPV6_INDEX in failed:
                raise overlapping(ipv6_chosen)
        raise unavailable()

    def get(self, name: str, *, reach: Reach) -> Cluster:
        """Raises `EdgeError` (not found)."""
        cluster = found(self.find(name))
        if not reach.includes(cluster.id):
            raise not_found()
        return cluster

    def find(self, name: str) -> Cluster | None:
        """The cluster of that name as it is now, None when there is none."""
        if self._default is not None and name == self._default.name:
            self.ensure_default()
        cluster = self._store.find(name)
        if cluster is not None:
            check_found(cluster.id, cluster.name)
        return cluster

    def find_many(self, names: Sequence[str]) -> list[Cluster]:
        """Those that exist, each once, in the order asked for."""
        return self._store.find_many(names)

    def walk(self) -> Iterator[Identified]:
        """Iterate over all clusters, oldest first. Pages of the index are read as the caller needs them."""
        return self._store.walk()

    def within(self, reach: Reach) -> list[ClusterRef]:
        """The clusters within reach, oldest first; a cluster of this very moment may be missing."""
        if reach.cluster_ids is None:
            return list(self._store.walk())
        return self._store.find_refs(reach.cluster_ids)

    def list_page(self, request: ListRequest, *, reach: Reach) -> ListPage[Cluster]:
        """One page of all clusters; raises `EdgeError` (bad request) when the filters leave too much to read."""
        self.ensure_default()
        return self._lists.page(CLUSTER_LIST, request, reach, parameter="name").map(from_item)

    def change_node_limit(self, name: str, node_limit: int | None, *, reach: Reach) -> Cluster:
        """Set or, with None, remove the limit. Raises `EdgeError` (not found), (validation failed) for a limit above
        the range's room or below the number of nodes at that moment."""
        cluster = self.get(name, reach=reach)
        check_capacity(node_limit, AddressRange.of_cidr(cluster.ipv4_range).prefix, self._reserved_slots)
        try:
            return self._store.set_node_limit(cluster, node_limit, to_seconds_text(self._clock.now()))
        except ConditionFailedError as error:
            current = error.current and from_item(error.current)
            if not current or current.id != cluster.id:
                raise not_found() from error
            raise below_count(current.node_count) from error

    def delete(self, name: str, *, reach: Reach) -> None:
        """Delete a cluster without nodes and free its range. Dependent rows are invalid from now on, and cleaned up
        afterwards. Raises `EdgeError` (not found), (conflict) while it has nodes, (service unavailable), also if the
        mesh does not answer, whose network must follow."""
        cluster = self.get(name, reach=reach)
        if not cluster.node_count:
            self._vpn.require_answer(name)
        for _ in self._tables.tries():
            if cluster.node_count:
                raise not_empty(cluster.node_count)
            taken = AddressRange.of_cidr(cluster.ipv4_range)
            release = self._subnets.release(self._subnets.head(), taken, cluster.id)
            if cluster.ipv6_chosen is not None:
                release.append(self._subnets.release_ipv6(cluster.ipv6_chosen, cluster.id))
            forget = tasks.ask("cluster", cluster.id, self._clock.now())
            failed = self._try([self._store.delete(cluster), *release, forget], "cluster.deleted")
            if failed is None:
                return
            if _CLUSTER_INDEX in failed:
                row = failed[_CLUSTER_INDEX]
                if row is None or row["id"] != cluster.id:
                    raise not_found()
                cluster = from_item(row)
        raise unavailable()

    def default_cluster(self, *, reach: Reach) -> Cluster:
        """The default cluster. Raises `EdgeError` (forbidden) if none is configured, (not found) if it was deleted or
        cannot be created."""
        if self._default is None:
            raise forbidden()
        return self.get(self._default.name, reach=reach)

    def ensure_default(self) -> None:
        """Create the configured default cluster if it is missing; once per container. If it cannot be created, because
        its range or all pools are taken, it stays missing, and callers that need it get an error.
        """
        if self._default is None or self._default_ensured:
            return
        if self._store.find(self._default.name) is None:
            try:
                with attaching(None):  # it is not what the caller asked for
                    self.create(self._default.name, self._default.ipv4_range, self._default.node_limit)
            except EdgeError as error:
                if error.kind is Kind.UNAVAILABLE:  # may pass: the next use tries again
                    return
                if error.kind is not Kind.CONFLICT:  # otherwise another container has created it, or its range is taken
                    raise
        self._default_ensured = True

    def _check_default(self, default: DefaultCluster) -> None:
        """Raises ValueError for a default cluster that could never be made: a mistake in the settings."""
        try:
            self._check_request(default.name, default.ipv4_range, default.node_limit)
        except EdgeError as error:
            raise ValueError(f"the default cluster cannot be: {dict(error.details or {})}") from error

    def _check_request(self, name: str, ipv4_range: str | None, node_limit: int | None) -> AddressRange | None:
        """The range that is asked for, if any. Raises `EdgeError` (validation failed)."""
        check_name(name)
        wanted = None if ipv4_range is None else parse_range(ipv4_range)
        check_capacity(node_limit, self._subnets.prefix if wanted is None else wanted.prefix, self._reserved_slots)
        return wanted

    def _first_free(self, head: Head, foreign: Sequence[AddressRange]) -> Found:
        found = self._subnets.first_free(head, foreign)
        if found is None:
            raise unavailable()
        return found

    def _new(self, name: str, taken: AddressRange, node_limit: int | None, ipv6_chosen: str | None) -> Cluster:
        now = self._clock.now()
        text = to_seconds_text(now)
        return Cluster(
            id=self._ids.uuid7(now),
            name=name,
            ipv4_range=taken.cidr,
            ipv6_chosen=ipv6_chosen,
            node_limit=node_limit,
            node_count=0,
            inserted_at=text,
            updated_at=text,
            version=1,
        )

    def _try(
        self, writes: Sequence[Write], operation: str, *, result: object = NO_RESULT
    ) -> dict[int, Item | None] | None:
        """Commit; returns None on success, otherwise the writes whose conditions failed, with their rows."""
        try:
            self._tables.commit(writes, operation, result=result)
        except TransactionFailedError as error:
            return error.failed
        return None
