"""Things that tests need many of, made by the application's own use cases."""

from dataclasses import dataclass
from typing import Any

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.commands.model import Command, NewCommand
from chalicelib.fleet.description import FACTS
from chalicelib.fleet.nodes.model import IdType, Node, Registration
from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.platform.identity.model import TenantFacts
from chalicelib.platform.identity.tenant_store import put_tenant
from tests.support.world import World


@dataclass(frozen=True)
class Machine:
    """An enrolled machine as its agent knows it."""

    node: Node
    token: str

    @property
    def id(self) -> str:
        return self.node.id


def a_registration(node_id: str, cluster_name: str, **fields: Any) -> Registration:
    """The registration data of an agent."""
    given: dict[str, Any] = {
        "network_name": f"cluster-{cluster_name}",
        "id_type": IdType.PERSISTENT,
        "http_port": 44000,
        "ssh_port": 40022,
        "host_metrics_port": 49100,
        "wireguard_metrics_port": 49586,
        "http_proxy_port": 43128,
        "socks5_proxy_port": 41080,
        "agent_version": "1.0.0",
        "self_update_enabled": False,
    }
    return Registration(node_id=node_id, **{**given, **fields})


def a_cluster(world: World, name: str = "north", node_limit: int | None = None) -> Cluster:
    return world.fleet.clusters.create(name, None, node_limit)


UNTOLD = frozenset({*FACTS, "features", "agent_labels"})
"""Parts of a registration that an older agent does not send."""


def machines(world: World, count: int, cluster_name: str = "north", **fields: Any) -> list[Machine]:
    """Enrol this many machines the way that agents do: by a key, verified and redeemed."""
    services = world.fleet
    key = services.enrollment.create(cluster_name, {"uses_remaining": None}, reach=EVERYWHERE)
    blob = services.enrollment.reveal(key).reveal()
    enrolled = []
    for _ in range(count):
        node_id = world.ids.uuid7(world.clock.now())
        token = services.enrollment.verify(blob, node_id).registration_token
        registered = services.nodes.registering.register(a_registration(node_id, cluster_name, **fields), token, None)
        enrolled.append(Machine(registered.node, registered.secrets.api_token))
    return enrolled


def a_command(
    world: World, text: str = "true", targeting: Targeting | None = None, reach: Reach = EVERYWHERE, **fields: Any
) -> Command:
    """A command for all, unless targeted."""
    return world.fleet.commands.registry.create(
        NewCommand(text, targeting or Targeting(type=TargetType.ALL), **fields), reach=reach
    )


def a_customer(world: World, tenant_id: str, **facts: Any) -> None:
    """A customer that has registered, with what the operator has given it (``tier``, ``clusters``)."""
    made = put_tenant(TenantFacts(id=tenant_id, name=tenant_id, tier=""), "", world.clock.now())
    world.platform.tables.try_write(made, "user.registered")
    world.platform.identity.change_tenant(tenant_id, **facts)
