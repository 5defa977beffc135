"""The parts of the context `nodes`, built once per container."""

from collections.abc import Sequence

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.enrollment.service import Enrollment
from chalicelib.fleet.nodes.connecting import Connections
from chalicelib.fleet.nodes.excluding import Excluding
from chalicelib.fleet.nodes.health import Health
from chalicelib.fleet.nodes.identity import Identity
from chalicelib.fleet.nodes.labelling import Labelling
from chalicelib.fleet.nodes.placing import Placing, Release
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.nodes.recovering import Recovering
from chalicelib.fleet.nodes.registering import PATIENCE_SECONDS, Registrar
from chalicelib.fleet.nodes.rules import HealthLimits
from chalicelib.fleet.nodes.secrets import Vault
from chalicelib.fleet.nodes.terming import Terms
from chalicelib.fleet.vpn.port import Vpn
from chalicelib.fleet.vpn.registry import REGISTRY
from chalicelib.kit.clock import Clock
from chalicelib.kit.crypto import Sealer
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import Lists
from chalicelib.kit.tables import Tables

__all__ = ["PATIENCE_SECONDS", "Nodes"]


class Nodes:
    """All parts of `nodes`, by name.

    ``patient_tables`` retries conflicts for `PATIENCE_SECONDS`: only enrolment waits that long. ``release_aliases``
    makes the writes that remove a node's aliases.
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
        admin_urls: Sequence[str] = (),
    ) -> None:
        limits = HealthLimits(unreachable_seconds)
        self.vault = Vault(sealer)
        self.registering = Registrar(
            patient_tables,
            clock,
            ids,
            self.vault,
            clusters,
            enrollment,
            limits,
            release_aliases,
            vpn,
            trusts_hosts=trusts_hosts,
        )
        self.identity = Identity(tables, clock, limits)
        self.health = Health(tables, clock, limits, self.identity)
        self.connections = Connections(tables, clock, self.health, limits, self.identity)
        self.placing = Placing(tables, clock, clusters, release_aliases, vpn)
        self.labelling = Labelling(tables, clock)
        self.excluding = Excluding(tables, clock)
        self.recovering = Recovering(tables, clock, ids, admin_urls)
        self.terms = Terms(tables, clock)
        self.reading = NodeReader(tables, clusters, lists, self.terms.are_complete)
