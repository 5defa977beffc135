"""Clusters and enrolment on the fake of persistence, wired as in the application."""

from collections.abc import Sequence

from chalicelib.fleet.clusters.model import Cluster, DefaultCluster
from chalicelib.fleet.clusters.ranges import Pools
from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.clusters.store import release_slot, reserve_slot
from chalicelib.fleet.clusters.subnet_store import SUBNETS
from chalicelib.fleet.enrollment.model import EnrollmentKey, KeyChanges
from chalicelib.fleet.enrollment.service import Enrollment
from chalicelib.fleet.enrollment.store import TABLE as KEYS
from chalicelib.fleet.enrollment.store import TOKENS
from chalicelib.fleet.nodes.exclusion_store import EXCLUSIONS
from chalicelib.fleet.nodes.standing import KnownMachines
from chalicelib.fleet.nodes.store import NODES, PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.vpn.port import Vpn
from chalicelib.fleet.vpn.registry import REGISTRY
from chalicelib.kit.crypto import Sealer
from chalicelib.kit.data_keys import DATA_KEYS
from chalicelib.kit.listing import Lists
from chalicelib.kit.tables import Driver, Tables
from chalicelib.kit.tasks import TABLE as TASKS
from chalicelib.platform.events.service import Events
from chalicelib.platform.events.store import TABLE as OCCURRENCES
from tests.support.fakes.aws import FakeKeyService
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo

ALL = (CLUSTERS, SUBNETS, KEYS, TOKENS, OCCURRENCES, TASKS, DATA_KEYS, NODES, PRESENCE, EXCLUSIONS)
TOTAL = 4711


class World:
    """``driver`` may be another than the fake: the emulator."""

    def __init__(
        self,
        *,
        pools: Sequence[str] = ("100.64.0.0/10",),
        prefix: int = 24,
        default: DefaultCluster | None = None,
        public_keys: bool = False,
        driver: Driver | None = None,
        seed: int = 1,
        vpn: Vpn = REGISTRY,
    ) -> None:
        self.clock = FakeClock()
        self.ids = FakeIds(seed)
        self.fake = FakeDynamo(ALL, self.clock)
        self.tables = Tables(driver or self.fake, self.clock, self.ids)
        self.events = Events(self.clock, self.ids, "test")
        self.key_service = FakeKeyService()
        self.pools = Pools.of(pools, prefix)
        self.default = default
        self.public_keys = public_keys
        self.vpn = vpn
        self.clusters = self.another_clusters()
        self.enrollment = self.another_enrollment()

    def another_clusters(self) -> Clusters:
        """The service of another container."""
        return Clusters(
            self.tables,
            self.clock,
            self.ids,
            pools=self.pools,
            reserved_slots=20,
            lists=Lists(self.tables, self.clock, 20_000, lambda _: TOTAL),
            default=self.default,
            vpn=self.vpn,
        )

    def another_enrollment(self) -> Enrollment:
        """The service of another container."""
        return Enrollment(
            self.tables,
            self.clock,
            self.ids,
            clusters=self.clusters,
            events=self.events,
            sealer=Sealer(self.tables, self.key_service, self.clock, self.ids, "test"),
            admin_urls=("https://edge.example",),
            public_keys=self.public_keys,
            lists=Lists(self.tables, self.clock, 20_000, lambda _: TOTAL),
            machines=KnownMachines(),
        )

    def cluster(self, name: str = "prod", node_limit: int | None = None) -> Cluster:
        return self.clusters.create(name, None, node_limit)

    def key(self, cluster: str = "prod", **wanted: str | int | None) -> tuple[EnrollmentKey, str]:
        """A new key and its blob."""
        changes: KeyChanges = wanted  # type: ignore[assignment]
        key = self.enrollment.create(cluster, changes, reach=EVERYWHERE)
        return key, self.enrollment.reveal(key).reveal()

    def enrol(self, cluster: Cluster) -> None:
        """Count one node more."""
        self.tables.write(reserve_slot(cluster), "node.registered")

    def leave(self, cluster: Cluster) -> None:
        """Count one node less."""
        self.tables.write(release_slot(cluster.name, cluster.id), "node.deleted")
