"""`HostedNodes`: the use cases of owners. Each is one write; the builds do the rest."""

from collections.abc import Callable, Mapping
from typing import Protocol

from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind, found, invalid, unavailable
from chalicelib.kit.finding import check_found
from chalicelib.kit.ids import Ids
from chalicelib.machines.hosted import rules
from chalicelib.machines.hosted.model import Action, HostedNode, NewNode, Status
from chalicelib.machines.hosted.store import NodeStore
from chalicelib.platform.identity.model import TenantFacts


class Template(Protocol):
    """The part of `catalogue.model.Template` that is used."""

    @property
    def id(self) -> str: ...

    @property
    def zones(self) -> tuple[str, ...]: ...


class Urls(Protocol):
    """The part of `platform.webhooks.owned` that is used."""

    def check(self, field: str, url: str) -> None: ...


class HostedNodes:
    """``networks`` are the labels that nodes can be made for, each with the name of its cluster. ``find_template``
    gives the template that their machines are made from, None without one; ``read_tenant`` what a tenant may use,
    ``has_cluster`` whether there is a cluster of that name; ``check_room`` refuses a tenant whose quota is used up."""

    def __init__(
        self,
        nodes_of: Callable[[str], NodeStore],
        networks: Mapping[str, str],
        find_template: Callable[[], Template | None],
        read_tenant: Callable[[str], TenantFacts],
        has_cluster: Callable[[str], bool],
        check_room: Callable[[str], None],
        urls: Urls,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._nodes_of = nodes_of
        self._networks = networks
        self._find_template = find_template
        self._read_tenant = read_tenant
        self._has_cluster = has_cluster
        self._check_room = check_room
        self._urls = urls
        self._clock = clock
        self._ids = ids

    def create(self, tenant: str, owner: str, wanted: NewNode) -> HostedNode:
        """Ask for a node. Raises `EdgeError` (validation failed) for an unknown network, for one without a cluster and
        for a webhook with a denied address, (forbidden) for a network that is not the tenant's, and if its quota
        of instances is used up; (service unavailable) if this installation has nothing to make it from. The quota is
        taken by the build, which fails where others were faster."""
        cluster_name = self._cluster_of(tenant, wanted.network)
        self._check_url(wanted.webhook_url)
        template = self._find_template()
        if template is None or not template.zones:
            raise EdgeError(Kind.UNAVAILABLE, "This installation has no template for hosted nodes (HOSTED_TEMPLATE)")
        self._check_room(tenant)
        now = self._clock.now()
        node_id, text = self._ids.uuid7(now), to_seconds_text(now)
        node = HostedNode(
            id=node_id,
            owner=owner,
            name=wanted.name,
            network=wanted.network,
            cluster_name=cluster_name,
            template_id=template.id,
            zone=template.zones[0],
            webhook_url=wanted.webhook_url,
            status=Status.IN_PROGRESS,
            builds=(rules.new_build(Action.CREATE, self._ids.uuid7(now), 1, now),),
            due_at=text,
            inserted_at=text,
            updated_at=text,
        )
        self._nodes_of(tenant).add(node)
        return node

    def get(self, tenant: str, node_id: str) -> HostedNode:
        """Raises `EdgeError` (not found)."""
        node = found(self._nodes_of(tenant).find(node_id))
        check_found(node.id, node.name)
        return node

    def every(self, tenant: str) -> list[HostedNode]:
        """All nodes of the tenant, newest first."""
        return list(self._nodes_of(tenant).every())

    def begin(self, tenant: str, node_id: str, action: Action) -> HostedNode:
        """Ask for an action on a node. Raises `EdgeError` (not found), and (conflict) while another is carried out, or
        if the node's status does not allow it."""
        return self._begin(tenant, node_id, action, "")

    def set_webhook(self, tenant: str, node_id: str, url: str) -> HostedNode:
        """Send the node's statuses to this URL, "" for none. Nothing is done for the same as before. Raises
        `EdgeError` (not found, conflict) as `begin` does, (validation failed) for a denied address."""
        self._check_url(url)
        node = self.get(tenant, node_id)
        if node.webhook_url == url and not node.build.is_under_way:
            return node
        return self._begin(tenant, node_id, Action.SETTINGS, url)

    def _begin(self, tenant: str, node_id: str, action: Action, url: str) -> HostedNode:
        nodes = self._nodes_of(tenant)
        for _ in nodes.tries():
            node = self.get(tenant, node_id)
            now = self._clock.now()
            begun = rules.begun(node, action, self._ids.uuid7(now), now, url)
            if nodes.effect(node, begun, f"hosted_node.{action.lower()}_asked"):
                return begun
        raise unavailable()

    def _cluster_of(self, tenant: str, network: str) -> str:
        cluster_name = self._networks.get(network)
        if cluster_name is None:
            raise invalid("network", f"unknown. Allowed: {', '.join(self._networks)}")
        if not self._read_tenant(tenant).may_use(cluster_name):
            raise EdgeError(
                Kind.FORBIDDEN, f"This customer may not use the network {network}", code="network_forbidden"
            )
        if not self._has_cluster(cluster_name):
            raise invalid("network", f"{network} is not there: it needs a cluster named {cluster_name}")
        return cluster_name

    def _check_url(self, url: str) -> None:
        if url:
            self._urls.check("settings.webhookUrl", url)
