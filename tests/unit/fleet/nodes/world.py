"""A small installation on the fakes: clusters, keys and nodes as the application builds them."""

from typing import Any

import pytest

from chalicelib.fleet.aliases import store as aliases_store
from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.clusters.ranges import Pools
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.enrollment.service import Enrollment
from chalicelib.fleet.nodes.model import Agent, IdType, Node, Presence, Registered, Registration
from chalicelib.fleet.nodes.standing import KnownMachines
from chalicelib.fleet.nodes.store import NODES, PRESENCE
from chalicelib.fleet.nodes.wiring import PATIENCE_SECONDS, Nodes
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.crypto import Sealer
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.listing import Lists
from chalicelib.kit.tables import Tables
from chalicelib.kit.tables.wire import from_wire
from chalicelib.platform.events.service import Events
from tests.support.declared import TABLES
from tests.support.fakes.aws import FakeKeyService
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

PORTS = {
    "http_port": 44000,
    "ssh_port": 42222,
    "host_metrics_port": 49100,
    "wireguard_metrics_port": 49586,
    "http_proxy_port": 44880,
    "socks5_proxy_port": 44180,
}


def node_id(number: int) -> str:
    """The id of a machine: foreign, so in no order of time."""
    return f"{(number * 2654435761) % 2**32:08x}-0000-4000-8000-{number:012x}"


class World:
    """`nodes` and what it stands on. ``driver`` is the fake unless another is given."""

    def __init__(self, driver: Any = None, clock: Any = None) -> None:
        self.clock: Any = clock or FakeClock()
        self.ids = FakeIds()
        self.dynamo: Any = driver or FakeDynamo(TABLES, self.clock)
        self.tables = Tables(self.dynamo, self.clock, self.ids)
        patient = Tables(self.dynamo, self.clock, self.ids, repeat_seconds=PATIENCE_SECONDS)
        self.sealer = Sealer(self.tables, FakeKeyService(), self.clock, self.ids, "test")
        self.clusters = Clusters(
            self.tables,
            self.clock,
            self.ids,
            pools=Pools.of(["100.64.0.0/10"], 22),
            reserved_slots=20,
            lists=Lists(self.tables, self.clock, 20_000),
        )
        self.enrollment = Enrollment(
            self.tables,
            self.clock,
            self.ids,
            clusters=self.clusters,
            events=Events(self.clock, self.ids, "test"),
            sealer=self.sealer,
            admin_urls=["https://admin.test"],
            public_keys=False,
            lists=Lists(self.tables, self.clock, 20_000),
            machines=KnownMachines(),
        )
        self.nodes = Nodes(
            self.tables,
            patient,
            self.clock,
            self.ids,
            self.sealer,
            self.clusters,
            self.enrollment,
            unreachable_seconds=300,
            lists=Lists(self.tables, self.clock, 20_000),
            release_aliases=aliases_store.release,
        )
        self.sealer.seal("warm", "up")  # the data key is read once per container; no test counts that
        self._keys: dict[str, str] = {}

    def cluster(self, name: str = "alpha", node_limit: int | None = None) -> Cluster:
        return self.clusters.create(name, None, node_limit)

    def key(self, cluster_name: str = "alpha", uses: int | None = None) -> str:
        """The blob of a new key; unlimited unless told otherwise."""
        key = self.enrollment.create(cluster_name, {"uses_remaining": uses}, reach=EVERYWHERE)
        return self.enrollment.reveal(key).reveal()

    def token(self, cluster_name: str = "alpha", number: int | None = None) -> str:
        """A fresh registration token, of one key per cluster."""
        if cluster_name not in self._keys:
            self._keys[cluster_name] = self.key(cluster_name)
        verified = self.enrollment.verify(self._keys[cluster_name], None if number is None else node_id(number))
        assert verified.verified, verified.error
        return verified.registration_token

    def newer_key(self) -> None:
        """Tokens are from now on of a key that is younger than anything that has happened."""
        self.clock.advance(1)
        self._keys.clear()

    def registration(self, number: int = 1, cluster_name: str = "alpha", **changes: Any) -> Registration:
        said = {"id_type": IdType.PERSISTENT, "agent_version": "1.0.0", "self_update_enabled": False, **changes}
        return Registration(node_id=node_id(number), network_name=f"cluster-{cluster_name}", **PORTS, **said)

    def enrol(self, number: int = 1, cluster_name: str = "alpha", **changes: Any) -> Registered:
        return self.nodes.registering.register(
            self.registration(number, cluster_name, **changes), self.token(cluster_name), bearer=None
        )

    def agent(self, registered: Registered) -> Agent:
        return self.nodes.identity.authenticate(registered.secrets.api_token)

    def call(self, registered: Registered) -> Agent:
        """What the edge does for an authenticated call of an agent."""
        agent = self.agent(registered)
        self.nodes.health.touch(agent)
        return agent

    def connect(self, registered: Registered, connection_id: str) -> None:
        self.nodes.connections.connected(
            registered.secrets.api_token, connection_id, int(self.clock.now().timestamp() * 1000)
        )

    def node(self, number: int = 1) -> Node | None:
        row = self.tables.get(NODES, {"id": node_id(number)})
        return None if row is None else Node.model_validate(row)

    def presence(self, number: int = 1) -> Presence | None:
        row = self.tables.get(PRESENCE, {"id": node_id(number)})
        return None if row is None else Presence.model_validate(row)

    def node_count(self, cluster_name: str = "alpha") -> int:
        return self.clusters.get(cluster_name, reach=EVERYWHERE).node_count

    def calls(self, action: Any) -> int:
        """How many DynamoDB calls it makes."""
        self.tables.meter.reset()
        action()
        return self.tables.meter.count

    def operations_since(self, position: int) -> list[tuple[str, str]]:
        """(kind of change, operation) of each record of `nodes` in the change stream."""
        found = []
        for record in self.dynamo.records(NODES, position):
            image = record["dynamodb"].get("NewImage") or record["dynamodb"]["OldImage"]
            row = from_wire(image)
            found.append((record["eventName"], row["changed_by"]["operation"]))
        return found


def refused(call, *arguments, **options) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        call(*arguments, **options)
    return caught.value
