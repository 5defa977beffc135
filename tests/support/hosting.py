"""Hosted nodes on a world whose instances and fleet do as a test says: machines take no time unless told to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chalicelib.fleet.public import ClusterFacts, NodeFacts, Result, UpdateFacts, UpdateState
from chalicelib.kit.errors import EdgeError, found
from chalicelib.machines.hosted.export_store import TABLE as EXPORTS
from chalicelib.machines.hosted.model import Action, HostedNode, NewNode
from chalicelib.machines.hosted.queues import HOSTED_BUILDS
from chalicelib.machines.instances.model import INSTANCE, InstanceSpec, PowerOperation
from chalicelib.machines.instances.rules import change_for
from chalicelib.machines.instances.service import NewInstance
from chalicelib.machines.wiring import Machines
from chalicelib.platform.provisioning.model import Desired, Power, Resource, State
from tests.support.builders import a_customer
from tests.support.fakes.aws import FIRST_KEY
from tests.support.world import World

TENANT = "default"
OWNER = "key-1"
NETWORK = "regtest"
NEWEST = "0.3.0+b2"
HOST = "hooks.example"
URL = f"https://{HOST}/nodes"

_AT = "2026-11-21T10:00:00Z"


class FakeInstances:
    """Instances in memory. ``calls`` are those that ask for something, ``made`` how often each id was made. ``refuses``
    is raised by the next `create`, ``has_no_room`` by `check_room`."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Resource] = {}
        self.calls: list[str] = []
        self.made: list[str] = []
        self.refuses: EdgeError | None = None
        self.has_no_room: EdgeError | None = None

    def check_room(self, _tenant: str) -> None:
        if self.has_no_room is not None:
            raise self.has_no_room

    def create(self, tenant: str, owner: str, wanted: NewInstance, instance_id: str | None = None) -> Resource:
        self.calls.append("create")
        if self.refuses is not None:
            raise self.refuses
        assert instance_id is not None
        if (tenant, instance_id) not in self.rows:
            self.made.append(instance_id)
            spec = InstanceSpec(
                template_id=wanted.template_id, zone=wanted.zone, provider="local", cluster_name=wanted.cluster_name
            )
            self.rows[tenant, instance_id] = Resource(
                id=instance_id,
                tenant=tenant,
                kind=INSTANCE,
                name=wanted.name or "",
                owner=owner,
                spec=spec.model_dump(mode="json"),
                power=Power.ON,
                inserted_at=_AT,
                updated_at=_AT,
            )
        return self.rows[tenant, instance_id]

    def get(self, tenant: str, instance_id: str) -> Resource:
        return found(self.rows.get((tenant, instance_id)))

    def power(self, tenant: str, instance_id: str, operation: PowerOperation) -> Resource:
        self.calls.append(operation)
        instance = self.get(tenant, instance_id)
        change = change_for(instance, operation)
        if change is not None:
            self.become(tenant, instance_id, power=change.power or instance.power, state=State.CHANGING)
        return self.get(tenant, instance_id)

    def delete(self, tenant: str, instance_id: str) -> Resource:
        self.calls.append("delete")
        return self.become(tenant, instance_id, desired=Desired.ABSENT, state=State.DELETING)

    def become(self, tenant: str, instance_id: str, **values: Any) -> Resource:
        """Change what the instance is, as its provider does."""
        changed = self.get(tenant, instance_id).model_copy(update=values)
        self.rows[tenant, instance_id] = changed
        return changed


class FakeFleet:
    """A fleet with the nodes in ``nodes`` (id to version). ``updates`` are the states of updates by token, ``results``
    those of commands by id; ``commands`` what was run. ``newest`` is the version that it serves."""

    def __init__(self) -> None:
        self.nodes: dict[str, str] = {}
        self.unhealthy: set[str] = set()
        self.newest: str | None = NEWEST
        self.updates: dict[str, UpdateFacts] = {}
        self.asked: list[tuple[str, str]] = []
        self.commands: dict[str, str] = {}
        self.results: dict[str, Result] = {}
        self.clusters = {"regtest", "testnet"}

    def find_cluster(self, name: str) -> ClusterFacts | None:
        return ClusterFacts(name, name, 0, None) if name in self.clusters else None

    def find_nodes(self, node_ids: Sequence[str]) -> dict[str, NodeFacts]:
        return {
            node_id: NodeFacts(
                id=node_id,
                cluster_id="c",
                cluster_name=NETWORK,
                status="unhealthy" if node_id in self.unhealthy else "healthy",
                agent_version=self.nodes[node_id],
                enrollment_key_id=None,
                last_seen_at=_AT,
                inserted_at=_AT,
            )
            for node_id in node_ids
            if node_id in self.nodes
        }

    def newest_agent(self) -> str | None:
        return self.newest

    def update(self, node_id: str, version: str, *, token: str) -> None:
        if token not in self.updates:
            self.asked.append((node_id, version))
            self.updates[token] = UpdateFacts(UpdateState.WAITING)

    def update_state(self, _node_id: str, *, token: str) -> UpdateFacts | None:
        return self.updates.get(token)

    def run(
        self, _node_ids: Sequence[str], command: str, _timeout_seconds: int, _expires_at: datetime, *, token: str
    ) -> str:
        self.commands.setdefault(token, command)
        return token

    def result(self, command_id: str, _node_id: str) -> Result | None:
        return self.results.get(command_id)


class Hosting:
    """Hosted nodes of one tenant, in a world."""

    def __init__(self, world: World | None = None) -> None:
        self.world = world or World(signing_key_id=FIRST_KEY)
        self.machines: Any = self.world.platform.container(Machines)
        self.instances, self.fleet = FakeInstances(), FakeFleet()
        self.consoles: dict[str, str] = {}
        self.machines.hosted.__dict__ |= {"instances": self.instances, "fleet": self.fleet}
        self.machines.hosted._console_of = lambda _tenant, node_id: self.consoles.get(node_id)  # noqa: SLF001 - no provider here

    def customer(self, tenant: str) -> str:
        """A tenant whose machines may join the clusters."""
        a_customer(self.world, tenant, clusters=self.fleet.clusters)
        return tenant

    @property
    def nodes(self) -> Any:
        return self.machines.hosted.nodes

    def create(self, *, url: str = "", name: str = "a node", tenant: str = TENANT) -> HostedNode:
        """Ask for a node, and let the application do what it can."""
        wanted = NewNode(name=name, network=NETWORK, webhook_url=url)
        node: HostedNode = self.nodes.create(tenant, OWNER, wanted)
        self.settle()
        return node

    def running(self, *, url: str = "", name: str = "a node", tenant: str = TENANT) -> HostedNode:
        """A node that runs."""
        node = self.create(url=url, name=name, tenant=tenant)
        self.instance_runs(node.id, tenant=tenant)
        return self.get(node.id, tenant=tenant)

    def instance_runs(self, node_id: str, *, tenant: str = TENANT, version: str = "0.2.0+b1") -> None:
        """The instance is ready and its agent enrolled, in contact."""
        self.fleet.nodes.setdefault(node_id, version)
        self.instance_is(node_id, State.READY, tenant=tenant, external={"id": "p"}, observed={"node_status": "healthy"})

    def instance_is(self, node_id: str, state: State, *, tenant: str = TENANT, **values: Any) -> None:
        """The instance changes, and the engine tells so."""
        self.instances.become(tenant, node_id, state=state, **values)
        self.tell(node_id, tenant=tenant)
        self.settle()

    def instance_goes(self, node_id: str, *, tenant: str = TENANT) -> None:
        """The instance is removed, and its node with it."""
        self.fleet.nodes.pop(node_id, None)
        self.instance_is(node_id, State.GONE, tenant=tenant)

    def tell(self, node_id: str, *, tenant: str = TENANT, kind: str = INSTANCE) -> None:
        """The event of a resource that has changed, as the bus puts it into the queue."""
        data = {"tenant": tenant, "kind": kind, "id": node_id}
        fact = {"id": "1", "type": "platform.resource.state_changed", "time": _AT, "data": data}
        self.world.platform.queues.send(HOSTED_BUILDS, [{"detail": fact}])

    def begin(self, node_id: str, action: Action, *, tenant: str = TENANT) -> HostedNode:
        """Ask for an action, and let the application do what it can."""
        self.nodes.begin(tenant, node_id, action)
        self.settle()
        return self.get(node_id, tenant=tenant)

    def get(self, node_id: str, *, tenant: str = TENANT) -> HostedNode:
        node: HostedNode = self.nodes.get(tenant, node_id)
        return node

    def settle(self, **options: Any) -> None:
        self.world.settle(**options)

    def later(self, seconds: float = 130) -> None:
        """As if that time had passed: delayed messages arrive, the sweeps run."""
        self.world.clock.advance(seconds)
        self.world.queue_client.release_delayed()
        self.settle()
        self.world.sweep("sweep_hosted_builds")
        self.settle()

    def exports(self) -> list[dict[str, Any]]:
        """The rows of exports."""
        return self.world.driver.rows(EXPORTS)
