"""Finds where the mesh and our rows have come apart, and mends it, network by network.

Nothing is removed because it is missing from a list. An object is removed only if Netmaker listed it, and a consistent
read by key shows that no row of ours belongs to it: an incomplete list removes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib.fleet.aliases.service import Aliases
from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.mesh.netmaker import Netmaker
from chalicelib.fleet.mesh.settling import Settling, network_of
from chalicelib.fleet.mesh.store import MadeNetwork, NetworkStore
from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.vpn.names import node_id_of
from chalicelib.fleet.vpn.port import Host
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.listing import OLDEST_FIRST, ListRequest

NETWORKS_PER_CHUNK = 200
"""Networks that one message hands out: twenty batches to SQS."""

NODES_PER_CHUNK = 200
"""Nodes of a cluster that one message looks at: a second where all is well, ten where each host has to be admitted."""

MOST_REMOVED = 50
"""Names or hosts of one network that one run removes; the next run goes on."""

MOST_STRAYS = 500
"""Hosts of one network that are remembered as strays between runs: 40 KB of a row."""

STRAY_GRACE = timedelta(hours=1)
"""How long a host may be in a network without a node there: a machine joins before it registers."""

_CLUSTERS = "clusters"
_MADE = "made"


@dataclass
class Repaired:
    """The result of one chunk. ``lost`` counts hosts of nodes that Netmaker does not have; ``cursor`` is where the next
    chunk begins, None at the end."""

    made: int = 0
    admitted: int = 0
    lost: int = 0
    named: int = 0
    forgotten: int = 0
    dismissed: int = 0
    cursor: str | None = field(default=None, repr=False)

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are not zero."""
        counted = ("made", "admitted", "lost", "named", "forgotten", "dismissed")
        return {name: getattr(self, name) for name in counted if getattr(self, name)}


class Reconciling:
    """``clusters`` must list all there are. ``evicts_strangers``: hosts with the name of an unknown node are removed
    from our networks after `STRAY_GRACE`; hosts with other names are never touched."""

    def __init__(
        self,
        clusters: Clusters,
        nodes: NodeReader,
        aliases: Aliases,
        mesh: Netmaker,
        store: NetworkStore,
        settling: Settling,
        clock: Clock,
        *,
        evicts_strangers: bool,
        networks_per_chunk: int = NETWORKS_PER_CHUNK,
        nodes_per_chunk: int = NODES_PER_CHUNK,
    ) -> None:
        self._clusters = clusters
        self._nodes = nodes
        self._aliases = aliases
        self._mesh = mesh
        self._store = store
        self._settling = settling
        self._clock = clock
        self._evicts_strangers = evicts_strangers
        self._networks_per_chunk = networks_per_chunk
        self._nodes_per_chunk = nodes_per_chunk

    def networks_chunk(self, cursor: str | None) -> tuple[list[str], str | None]:
        """The next clusters to look at, and where to go on: all clusters, then those that are gone and whose networks
        we have made. Clusters made or deleted during the walk are the change stream's."""
        part, _, position = (cursor or f"{_CLUSTERS}/1").partition("/")
        if part == _CLUSTERS:
            page = int(position)
            found = self._clusters.list_page(
                ListRequest(page, self._networks_per_chunk, OLDEST_FIRST), reach=EVERYWHERE
            ).items
            full = len(found) == self._networks_per_chunk
            return [cluster.name for cluster in found], f"{_CLUSTERS}/{page + 1}" if full else f"{_MADE}/"
        names = [row.name for row in self._store.page(position or None, self._networks_per_chunk)]
        there = {cluster.name for cluster in self._clusters.find_many(names)}
        following = f"{_MADE}/{names[-1]}" if len(names) == self._networks_per_chunk else None
        return [name for name in names if name not in there], following

    def repair_chunk(self, cluster_name: str, cursor: str | None) -> Repaired:
        """Mend one network, or the next `NODES_PER_CHUNK` nodes of it; something is removed only from those that we
        have made. May be repeated, and killed anywhere.

        Raises `EdgeError` (service unavailable) if Netmaker cannot be asked, and nothing more is done; (conflict) if
        its network is one that we may not touch.
        """
        cluster = self._settling.find(cluster_name)
        if cluster is None:
            self._settling.cluster(cluster_name)
            return Repaired()
        done = Repaired(made=int(self._mesh.make_network(network_of(cluster))))
        hosts = {host.id: host for host in self._mesh.hosts(cluster.name)}
        entered = self._mesh.names(cluster.name)
        now = to_seconds_text(self._clock.now())
        page = self._nodes.page_of_cluster(cluster.id, cursor, self._nodes_per_chunk, now)
        for node in page.nodes:
            self._mend_node(node, hosts, entered, done)
        done.cursor = page.cursor
        made = self._store.find(cluster.name) if page.cursor is None else None
        if made is not None:
            done.forgotten = self._aliases.settle_untaken(cluster, sorted(entered), MOST_REMOVED)
            settled = {node.netmaker_host_id for node in page.nodes}
            self._remove_strays(cluster, made, [host for host in hosts.values() if host.id not in settled], done)
        return done

    def _mend_node(self, node: Node, hosts: Mapping[str, Host], entered: Mapping[str, str], done: Repaired) -> None:
        """Its host is in the network, and its aliases are entered with the address that it has now."""
        if node.netmaker_host_id is None:
            return
        host = hosts.get(node.netmaker_host_id)
        if host is None:
            admitted = self._mesh.admit(node.netmaker_host_id, node.cluster_name)
            done.admitted += admitted
            done.lost += not admitted
            return
        for alias in node.aliases:
            if host.address and entered.get(alias.name) != host.address:
                self._settling.alias(node.cluster_name, alias.id, alias.name)
                done.named += 1

    def _remove_strays(self, cluster: Cluster, made: MadeNetwork, suspects: Sequence[Host], done: Repaired) -> None:
        """Hosts under the names of nodes that are elsewhere or nowhere, once they have been so for `STRAY_GRACE`."""
        now = self._clock.now()
        strays = self._strays(cluster, suspects)[:MOST_STRAYS]
        seen = {host_id: made.strays.get(host_id, to_seconds_text(now)) for host_id in strays}
        due = [host_id for host_id, since in seen.items() if now - parse_time(since) >= STRAY_GRACE]
        for host_id in due[:MOST_REMOVED]:
            self._mesh.dismiss(host_id, cluster.name)
            del seen[host_id]
            done.dismissed += 1
        if seen != made.strays:
            self._store.note_strays(made, seen)

    def _strays(self, cluster: Cluster, suspects: Sequence[Host]) -> list[str]:
        claimed = {host.id: node_id for host in suspects if (node_id := node_id_of(host.name)) is not None}
        nodes = {node.id: node for node in self._nodes.find_many(sorted(set(claimed.values())))}
        strays = []
        for host_id, node_id in claimed.items():
            node = nodes.get(node_id)
            is_elsewhere = node is not None and node.cluster_id != cluster.id
            if is_elsewhere or (node is None and self._evicts_strangers):
                strays.append(host_id)
        return strays
