"""The composition root: builds every part once per container, each when it is first asked for.

Only the edges (`api.endpoint`, the workers) ask for `services()`. Contexts get what they need as constructor arguments.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property

from chalicelib.access.keys import Keys, load_keys
from chalicelib.access.throttle import Throttle
from chalicelib.admins.model import UNLIMITED_PEERS, Admin
from chalicelib.admins.service import MOST_CLUSTERS, Admins
from chalicelib.aliases import store as aliases_store
from chalicelib.aliases.service import Aliases
from chalicelib.clusters.model import DefaultCluster
from chalicelib.clusters.ranges import Pools
from chalicelib.clusters.service import Clusters
from chalicelib.clusters.store import TABLE as CLUSTERS
from chalicelib.commands.clean_up import CleanUp
from chalicelib.commands.executions import Executions
from chalicelib.commands.fan_out import FanOuts
from chalicelib.commands.pruning import Pruning
from chalicelib.commands.service import Commands
from chalicelib.enrollment.service import Enrollment
from chalicelib.events.service import SOURCE, Events, catalogue
from chalicelib.kit.bus import Bus
from chalicelib.kit.counters import Counters
from chalicelib.kit.crypto import Sealer
from chalicelib.kit.health import HealthCheck
from chalicelib.kit.outbound import Outbound
from chalicelib.kit.queues import Queues
from chalicelib.kit.sockets import Sockets
from chalicelib.kit.tables import Tables
from chalicelib.kit.tables.wire import from_wire
from chalicelib.metrics.admin import AdminMetrics
from chalicelib.metrics.discovery import Discovery
from chalicelib.metrics.scraping import scraper_over_http
from chalicelib.metrics.service import NodeMetrics
from chalicelib.nodes.service import PATIENCE_SECONDS, Nodes
from chalicelib.outside import Aws, Outside
from chalicelib.relay.service import Relay
from chalicelib.settings import Settings
from chalicelib.ssh.keyring import SshPublicKeys
from chalicelib.ssh.passwords import Argon2Passwords, Passwords
from chalicelib.ssh.service import SshUsernames
from chalicelib.ssh.verifying import Verifier
from chalicelib.transport.push import push_over_http
from chalicelib.transport.service import Transport
from chalicelib.updates.fan_out import UpdateFanOuts
from chalicelib.updates.service import SelfUpdates
from chalicelib.updates.triggering import Triggering
from chalicelib.vpn.port import Vpn
from chalicelib.vpn.registry import Registry
from chalicelib.webhooks.attempts import Policy
from chalicelib.webhooks.context import WebhookContext


class Services:
    """The parts of the application by name."""

    def __init__(self, settings: Settings, outside: Outside) -> None:
        self.settings = settings
        self.clock = outside.clock
        self.ids = outside.ids
        self.log = outside.log
        self._outside = outside

    @cached_property
    def tables(self) -> Tables:
        return Tables(self._outside.driver, self.clock, self.ids)

    @cached_property
    def counters(self) -> Counters:
        return Counters(self.tables, self.clock)

    @cached_property
    def sealer(self) -> Sealer:
        return Sealer(self.tables, self._outside.key_service, self.clock, self.ids, self.settings.table_prefix)

    @cached_property
    def queues(self) -> Queues:
        return Queues(self._outside.queue_client, self.settings.queue_urls)

    @cached_property
    def bus(self) -> Bus:
        return Bus(self._outside.bus_client, self.settings.event_bus_name)

    @cached_property
    def keys(self) -> Keys:
        settings = self.settings
        return load_keys(
            settings.master_key,
            settings.api_key,
            settings.metrics_key,
            settings.keys_secret_arn,
            self._outside.read_secret,
        )

    @cached_property
    def throttle(self) -> Throttle:
        return Throttle(self.settings.public_rate_per_second, self.settings.public_burst, self.clock)

    @cached_property
    def events(self) -> Events:
        return Events(self.clock, self.ids, self.settings.core_name)

    @cached_property
    def clusters(self) -> Clusters:
        settings = self.settings
        return Clusters(
            self.tables,
            self.clock,
            self.ids,
            pools=Pools.of(settings.cluster_auto_generated_ranges, settings.cluster_subnet_prefix),
            reserved_slots=settings.admin_slot_reservation + settings.node_slot_reservation,
            list_read_limit=settings.list_read_limit,
            totals=self.counters.read,
            default=_default_cluster(settings),
        )

    @cached_property
    def admins(self) -> Admins:
        settings = self.settings
        # Of its own: a heartbeat makes no default cluster, asks no counter, and walks over all there are.
        clusters = Clusters(
            self.tables,
            self.clock,
            self.ids,
            pools=Pools.of(settings.cluster_auto_generated_ranges, settings.cluster_subnet_prefix),
            reserved_slots=settings.admin_slot_reservation + settings.node_slot_reservation,
            list_read_limit=MOST_CLUSTERS,
            totals=lambda _total: 0,
        )
        me = Admin(
            name=settings.own_admin_name,
            admin_cluster_name=settings.admin_cluster_name,
            max_wireguard_peers=settings.admin_max_wireguard_peers or UNLIMITED_PEERS,
        )
        return Admins(self.tables, self.clock, clusters, self.nodes, me=me, list_read_limit=settings.list_read_limit)

    @cached_property
    def enrollment(self) -> Enrollment:
        return Enrollment(
            self.tables,
            self.clock,
            self.ids,
            clusters=self.clusters,
            events=self.events,
            sealer=self.sealer,
            admin_urls=self.settings.own_urls,
            public_keys=self.settings.public_enrollment_key_enabled,
            list_read_limit=self.settings.list_read_limit,
            totals=self.counters.read,
        )

    @cached_property
    def nodes(self) -> Nodes:
        patient = Tables(self._outside.driver, self.clock, self.ids, repeat_seconds=PATIENCE_SECONDS)
        return Nodes(
            self.tables,
            patient,
            self.clock,
            self.ids,
            self.sealer,
            self.clusters,
            self.enrollment,
            unreachable_seconds=self.settings.node_unreachable_seconds,
            list_read_limit=self.settings.list_read_limit,
            totals=self.counters.read,
            release_aliases=aliases_store.release,
        )

    @cached_property
    def vpn(self) -> Vpn:
        return Registry()

    @cached_property
    def aliases(self) -> Aliases:
        return Aliases(
            self.tables,
            self.clock,
            self.nodes,
            self.clusters,
            self.vpn,
            list_read_limit=self.settings.list_read_limit,
            totals=self.counters.read,
        )

    @cached_property
    def commands(self) -> Commands:
        deadline = self.settings.command_default_deadline
        return Commands(
            self.tables,
            self.clock,
            self.ids,
            self.clusters,
            read_limit=self.settings.list_read_limit,
            totals=self.counters.read,
            default_deadline=None if deadline is None else timedelta(seconds=deadline),
        )

    @cached_property
    def triggering(self) -> Triggering:
        return Triggering(self.tables, self.clock, self.nodes, self.events, lambda: self.transport)

    @cached_property
    def self_updates(self) -> SelfUpdates:
        settings = self.settings
        return SelfUpdates(
            self.tables,
            self.clock,
            self.ids,
            self.clusters,
            self.triggering,
            deadline_seconds=settings.self_update_deadline_seconds,
            list_read_limit=settings.list_read_limit,
            totals=self.counters.read,
        )

    @cached_property
    def update_fan_outs(self) -> UpdateFanOuts:
        return UpdateFanOuts(self.tables, self.clock, self.nodes, self.clusters)

    @cached_property
    def executions(self) -> Executions:
        limit = self.settings.list_read_limit
        return Executions(self.tables, self.clock, read_limit=limit, totals=self.counters.read)

    @cached_property
    def fan_outs(self) -> FanOuts:
        return FanOuts(self.tables, self.clock, self.nodes, self.clusters)

    @cached_property
    def passwords(self) -> Passwords:
        return Argon2Passwords(self.ids.token_bytes)

    @cached_property
    def ssh_usernames(self) -> SshUsernames:
        return SshUsernames(
            self.tables,
            self.clock,
            nodes=self.nodes,
            clusters=self.clusters,
            passwords=self.passwords,
            list_read_limit=self.settings.list_read_limit,
            totals=self.counters.read,
        )

    @cached_property
    def ssh_public_keys(self) -> SshPublicKeys:
        return SshPublicKeys(
            self.tables,
            self.clock,
            usernames=self.ssh_usernames,
            nodes=self.nodes,
            clusters=self.clusters,
            list_read_limit=self.settings.list_read_limit,
            totals=self.counters.read,
        )

    @cached_property
    def ssh_verifier(self) -> Verifier:
        return Verifier(self.tables, self.clock, events=self.events, passwords=self.passwords)

    @cached_property
    def webhooks(self) -> WebhookContext:
        settings, outside = self.settings, self._outside
        age = settings.event_delivery_max_age_seconds
        return WebhookContext(
            self.tables,
            self.clock,
            self.ids,
            sealer=self.sealer,
            outbound=Outbound(outside.resolver, outside.exchange, allow_private=settings.webhook_allow_private_ips),
            queues=self.queues,
            policy=Policy(settings.webhook_max_attempts, timedelta(seconds=age) if age else None),
            catalogue=catalogue(),
            source=SOURCE,
            core_name=settings.core_name,
            list_read_limit=settings.list_read_limit,
            counters=self.counters,
        )

    @cached_property
    def clean_up(self) -> CleanUp:
        return CleanUp(self.tables, self.clock, self.nodes)

    @cached_property
    def pruning(self) -> Pruning:
        settings = self.settings
        kept = timedelta(days=settings.execution_retention_days) if settings.execution_pruning_enabled else None
        return Pruning(self.tables, self.clock, kept)

    @cached_property
    def relay(self) -> Relay:
        return Relay(
            self.events,
            self.queues,
            self.counters,
            self.commands.rows_of,
            from_wire,
            self.settings.table_prefix,
        )

    @cached_property
    def transport(self) -> Transport:
        return Transport(
            self.nodes,
            self.executions,
            Sockets(self._outside.socket_client),
            self.log,
            push=push_over_http() if self.settings.push_enabled else None,
            push_host=self.settings.push_host,
            vpn_domain=self.settings.netmaker_default_domain,
        )

    @cached_property
    def node_metrics(self) -> NodeMetrics:
        settings = self.settings
        return NodeMetrics(
            self.tables,
            self.clock,
            self.nodes,
            lambda: Sockets(self._outside.socket_client),
            self.log,
            scraper=scraper_over_http(self.clock) if settings.push_enabled else None,
            push_host=settings.push_host,
            vpn_domain=settings.netmaker_default_domain,
            fresh_seconds=settings.metrics_fresh_seconds,
        )

    @cached_property
    def metrics_discovery(self) -> Discovery:
        return Discovery(self.nodes, self.settings.metrics_base_url or self.settings.public_url)

    @cached_property
    def admin_metrics(self) -> AdminMetrics:
        return AdminMetrics(self.counters, self.queues, self.degraded)

    def health_checks(self) -> list[HealthCheck]:
        """What requests need to succeed: a read of a row that is not there, a queue that answers, the keys."""
        checks = [
            HealthCheck("Database", lambda: self.tables.get(CLUSTERS, {"name": "-"}, consistent=False)),
            HealthCheck("Queues", self.queues.check),
        ]
        return [*checks, HealthCheck("Keys", lambda: self.keys)] if self.settings.auth_enabled else checks

    def degraded(self) -> bool:
        """Whether the installation is over its capacity; never where ADMIN_MAX_WIREGUARD_PEERS sets none."""
        return self.admins.degraded()


def _default_cluster(settings: Settings) -> DefaultCluster | None:
    if settings.default_cluster_name is None:
        return None
    return DefaultCluster(
        name=settings.default_cluster_name,
        ipv4_range=settings.default_cluster_subnet,
        node_limit=settings.default_cluster_node_limit,
    )


_current: list[Services] = []


def services() -> Services:
    """The container's one set of services, made from its environment when it is first asked for."""
    if not _current:
        settings = Settings()
        _current.append(Services(settings, Aws(settings)))
    return _current[-1]


@contextmanager
def serving(replacement: Services) -> Iterator[None]:
    """Answer `services()` with these until the block ends: how a test passes its own to deployed handlers."""
    _current.append(replacement)
    try:
        yield
    finally:
        _current.remove(replacement)
