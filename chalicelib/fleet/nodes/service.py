"""`Nodes`: all that others may ask about machines."""

from collections.abc import Collection, Sequence

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.enrollment.service import Enrollment
from chalicelib.fleet.nodes import store
from chalicelib.fleet.nodes.connecting import Connections
from chalicelib.fleet.nodes.excluding import Admission, Excluding
from chalicelib.fleet.nodes.health import Health, HealthSweep
from chalicelib.fleet.nodes.identity import Identity, conflicting
from chalicelib.fleet.nodes.model import (
    Agent,
    Node,
    NodeAlias,
    NodePage,
    NodeSecrets,
    NodeSummary,
    NodeView,
    Presence,
    Registered,
    Registration,
    Status,
    TargetNode,
    TargetPage,
)
from chalicelib.fleet.nodes.placing import Placing, Release
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.nodes.registering import PATIENCE_SECONDS, Registrar
from chalicelib.fleet.nodes.rules import HealthLimits
from chalicelib.fleet.nodes.secrets import Vault
from chalicelib.fleet.nodes.store import SHARDS
from chalicelib.fleet.vpn.port import Vpn
from chalicelib.fleet.vpn.registry import REGISTRY
from chalicelib.kit.clock import Clock
from chalicelib.kit.crypto import Sealer
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.kit.tables import Check, Tables, Update

__all__ = ["PATIENCE_SECONDS", "SHARDS", "Agent", "Nodes"]


class Nodes:
    """One facade over what the modules of this context do; their classes tell what each call promises.

    ``patient_tables`` repeats conflicts for `PATIENCE_SECONDS`: only enrolment waits so long. ``release_aliases`` makes
    the writes that remove a node's aliases.
    """

    def __init__(
        self,
        tables: Tables,
        patient_tables: Tables,
        clock: Clock,
        ids: Ids,
        sealer: Sealer,
        clusters: Clusters,
        enrollment: Enrollment,
        *,
        unreachable_seconds: int,
        lists: Lists,
        release_aliases: Release,
        vpn: Vpn = REGISTRY,
        trusts_hosts: bool = False,
    ) -> None:
        limits = HealthLimits(unreachable_seconds)
        self._tables = tables
        self._vault = Vault(sealer)
        self._registrar = Registrar(
            patient_tables,
            clock,
            ids,
            self._vault,
            clusters,
            enrollment,
            limits,
            release_aliases,
            vpn,
            trusts_hosts=trusts_hosts,
        )
        self._identity = Identity(tables, clock, limits)
        self._health = Health(tables, clock, limits, self._identity)
        self._connections = Connections(tables, clock, self._health, limits, self._identity)
        self._placing = Placing(tables, clock, clusters, release_aliases, vpn)
        self._excluding = Excluding(tables, clock)
        self._reader = NodeReader(tables, clusters, lists)

    def register(
        self,
        registration: Registration,
        registration_token: str | None,
        bearer: str | None,
        instance_id: str | None = None,
        address: str = "",
    ) -> Registered:
        """See `Registrar.register`."""
        return self._registrar.register(registration, registration_token, bearer, instance_id, address)

    def authenticate(self, bearer: str | None, instance_id: str | None = None) -> Agent:
        """See `Identity.authenticate`."""
        return self._identity.authenticate(bearer, instance_id)

    def touch(self, agent: Agent) -> Agent:
        """See `Health.touch`."""
        return self._health.touch(agent)

    def require_sole(self, agent: Agent) -> None:
        """Raises `EdgeError` (conflict) if two machines use this agent's identity: then neither gets work."""
        if agent.node.identity_conflict_at is not None:
            raise conflicting()

    def report_health(self, agent: Agent, status: Status) -> NodeView:
        """See `Health.report`."""
        return self._health.report(agent, status)

    def check_health(self, budget_seconds: float) -> HealthSweep:
        """See `Health.sweep`."""
        return self._health.sweep(budget_seconds)

    def connected(
        self, bearer: str | None, connection_id: str, connected_at_ms: int, instance_id: str | None = None
    ) -> None:
        """See `Connections.connected`."""
        self._connections.connected(bearer, connection_id, connected_at_ms, instance_id)

    def heard(self, connection_id: str) -> Node | None:
        """See `Connections.heard`."""
        return self._connections.heard(connection_id)

    def disconnected(self, connection_id: str) -> None:
        """See `Connections.disconnected`."""
        self._connections.disconnected(connection_id)

    def found_gone(self, presence: Presence) -> None:
        """See `Connections.found_gone`."""
        self._connections.found_gone(presence)

    def forget_connection(self, connection_id: str) -> None:
        """See `Connections.forget`."""
        self._connections.forget(connection_id)

    def connection_of_deleted(self, node_id: str) -> str | None:
        """See `Connections.connection_of_deleted`."""
        return self._connections.connection_of_deleted(node_id)

    def forget(self, node_id: str) -> None:
        """See `Connections.forget_deleted`."""
        self._connections.forget_deleted(node_id)

    def change_cluster(self, node_id: str, cluster_name: str) -> NodeView:
        """See `Placing.change_cluster`."""
        return self._placing.change_cluster(node_id, cluster_name)

    def block(self, node_id: str) -> Admission:
        """See `Excluding.block`."""
        return self._excluding.block(node_id)

    def unblock(self, node_id: str) -> Admission:
        """See `Excluding.unblock`."""
        return self._excluding.unblock(node_id)

    def delete(self, node_id: str) -> None:
        """See `Placing.delete`."""
        self._placing.delete(node_id)

    def still_there(self, node: Node) -> Check:
        """A condition for another's transaction: nothing new is hung on a node that was deleted since it was read."""
        return store.still_there(node)

    def with_alias(self, node: Node, alias: NodeAlias) -> Update:
        """A write for another's transaction: one alias more, if the node is in the cluster and has the aliases that
        were read."""
        return store.set_aliases(node, (*node.aliases, alias))

    def without_alias(self, node: Node, alias_id: str) -> Update:
        """A write for another's transaction: that alias less, under the same condition."""
        return store.set_aliases(node, [alias for alias in node.aliases if alias.id != alias_id])

    def secrets_of(self, node: Node) -> NodeSecrets:
        """The node's secrets in clear."""
        return self._vault.open(node)

    def get(self, node_id: str) -> NodeView:
        """See `NodeReader.get`."""
        return self._reader.get(node_id)

    def list_page(self, request: ListRequest) -> ListPage[NodeView]:
        """See `NodeReader.list_page`."""
        return self._reader.list_page(request)

    def find_many(self, node_ids: Sequence[str]) -> list[Node]:
        """See `NodeReader.find_many`."""
        return self._reader.find_many(node_ids)

    def presence_of(self, node_ids: Sequence[str]) -> dict[str, Presence]:
        """See `NodeReader.presence_of`."""
        return self._reader.presence_of(node_ids)

    def summaries(self, clusters: Sequence[Cluster], limit: int) -> dict[str, list[NodeSummary]]:
        """See `NodeReader.summaries`."""
        return self._reader.summaries(clusters, limit)

    def summaries_by_status(
        self, statuses: Collection[Status], cluster_name: str | None, limit: int
    ) -> list[NodeSummary]:
        """See `NodeReader.summaries_by_status`."""
        return self._reader.summaries_by_status(statuses, cluster_name, limit)

    def targets(self, node_ids: Sequence[str]) -> list[TargetNode]:
        """See `NodeReader.targets`."""
        return self._reader.targets(node_ids)

    def targets_of_shard(self, shard: int, cursor: str | None, limit: int, inserted_until: str) -> TargetPage:
        """See `NodeReader.targets_of_shard`."""
        return self._reader.targets_of_shard(shard, cursor, limit, inserted_until)

    def targets_of_cluster(self, cluster_id: str, cursor: str | None, limit: int, inserted_until: str) -> TargetPage:
        """See `NodeReader.targets_of_cluster`."""
        return self._reader.targets_of_cluster(cluster_id, cursor, limit, inserted_until)

    def whole_fleet(self, most_per_shard: int, inserted_until: str) -> list[TargetNode] | None:
        """See `NodeReader.whole_fleet`."""
        return self._reader.whole_fleet(most_per_shard, inserted_until)

    def page_of_cluster(self, cluster_id: str, cursor: str | None, limit: int, inserted_until: str) -> NodePage:
        """See `NodeReader.page_of_cluster`."""
        return self._reader.page_of_cluster(cluster_id, cursor, limit, inserted_until)
