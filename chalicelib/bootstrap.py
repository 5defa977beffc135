"""The composition root: builds every part once per container, each when it is first asked for.

Only the edges (`api.endpoint`, the workers) ask for `services()`. Contexts get what they need as constructor arguments.
A part's modules are imported by the property that builds it: a function loads what it uses, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.fleet.wiring import Fleet
from chalicelib.platform.outside import Aws
from chalicelib.settings import Settings, running_function

if TYPE_CHECKING:
    from chalicelib.fleet.commands.clean_up import CleanUp
    from chalicelib.fleet.commands.executions import Executions
    from chalicelib.fleet.commands.fan_out import FanOuts
    from chalicelib.fleet.commands.looking import Looking
    from chalicelib.fleet.commands.pruning import Pruning
    from chalicelib.fleet.commands.service import Commands
    from chalicelib.fleet.distribution.service import Distribution
    from chalicelib.fleet.metrics.admin import AdminMetrics
    from chalicelib.fleet.metrics.discovery import Discovery
    from chalicelib.fleet.metrics.service import NodeMetrics
    from chalicelib.fleet.ssh.keyring import SshPublicKeys
    from chalicelib.fleet.ssh.passwords import Passwords
    from chalicelib.fleet.ssh.service import SshUsernames
    from chalicelib.fleet.ssh.verifying import Verifier
    from chalicelib.fleet.transport.dispatch import Dispatch
    from chalicelib.fleet.transport.push import Push
    from chalicelib.fleet.transport.redelivery import Redelivery
    from chalicelib.fleet.transport.service import Transport
    from chalicelib.fleet.updates.fan_out import UpdateFanOuts
    from chalicelib.fleet.updates.outcomes import Outcomes
    from chalicelib.fleet.updates.service import SelfUpdates
    from chalicelib.fleet.updates.triggering import Triggering
    from chalicelib.kit.health import HealthCheck
    from chalicelib.platform.relay.service import Relay
    from chalicelib.platform.resealing import Resealing
    from chalicelib.platform.webhooks.wiring import WebhookContext


class Services(Fleet):
    """The parts of the application by name."""

    @cached_property
    def commands(self) -> Commands:
        from chalicelib.fleet.commands.service import Commands

        deadline = self.settings.command_default_deadline
        return Commands(
            self.tables,
            self.clock,
            self.ids,
            self.nodes.reading,
            self.clusters,
            lists=self.lists,
            read_total=self.counters.read,
            default_deadline=timedelta(seconds=deadline) if deadline else None,
        )

    @cached_property
    def triggering(self) -> Triggering:
        from chalicelib.fleet.updates.triggering import Triggering

        return Triggering(self.tables, self.clock, self.nodes.reading, self.events, lambda: self.transport)

    @cached_property
    def self_updates(self) -> SelfUpdates:
        from chalicelib.fleet.updates.service import SelfUpdates

        settings = self.settings
        return SelfUpdates(
            self.tables,
            self.clock,
            self.ids,
            self.nodes.reading,
            self.clusters,
            self.triggering,
            deadline_seconds=settings.self_update_deadline_seconds,
            lists=self.lists,
        )

    @cached_property
    def update_outcomes(self) -> Outcomes:
        from chalicelib.fleet.updates.outcomes import Outcomes

        return Outcomes(self.tables, self.clock, self.lists)

    @cached_property
    def update_fan_outs(self) -> UpdateFanOuts:
        from chalicelib.fleet.updates.fan_out import UpdateFanOuts

        return UpdateFanOuts(self.tables, self.clock, self.nodes.reading, self.clusters)

    @cached_property
    def distribution(self) -> Distribution:
        from chalicelib.fleet.distribution.service import Distribution
        from chalicelib.kit.objects import Objects

        return Distribution(Objects(self._outside.object_client, self.settings.agent_bucket))

    @cached_property
    def executions(self) -> Executions:
        from chalicelib.fleet.commands.executions import Executions

        return Executions(self.tables, self.clock, self.lists)

    @cached_property
    def fan_outs(self) -> FanOuts:
        from chalicelib.fleet.commands.fan_out import FanOuts

        return FanOuts(self.tables, self.clock, self.nodes.reading, self.clusters)

    @cached_property
    def looking(self) -> Looking:
        from chalicelib.fleet.commands.looking import Looking

        return Looking(self.tables, self.clock, self.nodes.reading, self.clusters)

    @cached_property
    def passwords(self) -> Passwords:
        from chalicelib.fleet.ssh.passwords import Argon2Passwords

        return Argon2Passwords(self.ids.token_bytes)

    @cached_property
    def ssh_usernames(self) -> SshUsernames:
        from chalicelib.fleet.ssh.service import SshUsernames

        return SshUsernames(
            self.tables,
            self.clock,
            nodes=self.nodes.reading,
            clusters=self.clusters,
            passwords=self.passwords,
            lists=self.lists,
        )

    @cached_property
    def ssh_public_keys(self) -> SshPublicKeys:
        from chalicelib.fleet.ssh.keyring import SshPublicKeys

        return SshPublicKeys(
            self.tables,
            self.clock,
            usernames=self.ssh_usernames,
            nodes=self.nodes.reading,
            clusters=self.clusters,
            lists=self.lists,
        )

    @cached_property
    def ssh_verifier(self) -> Verifier:
        from chalicelib.fleet.ssh.verifying import Verifier

        return Verifier(self.tables, self.clock, events=self.events, passwords=self.passwords)

    @cached_property
    def webhooks(self) -> WebhookContext:
        from chalicelib.kit.outbound import Outbound
        from chalicelib.platform.events.service import SOURCE, catalogue
        from chalicelib.platform.webhooks.attempts import Policy
        from chalicelib.platform.webhooks.wiring import WebhookContext

        settings, outside = self.settings, self._outside
        age = settings.event_delivery_max_age_seconds
        return WebhookContext(
            self.tables,
            self.clock,
            self.ids,
            sealer=self.sealer,
            outbound=Outbound(outside.resolver, outside.exchange, allow_private=settings.webhook_allow_private_ips),
            queues=self.queues,
            policy=Policy(
                settings.webhook_max_attempts,
                timedelta(seconds=age) if age else None,
                settings.webhook_retry_seconds,
            ),
            catalogue=catalogue(),
            source=SOURCE,
            core_name=settings.core_name,
            lists=self.lists,
            counters=self.counters,
        )

    @cached_property
    def clean_up(self) -> CleanUp:
        from chalicelib.fleet.commands.clean_up import CleanUp

        return CleanUp(self.tables, self.clock, self.nodes.reading)

    @cached_property
    def pruning(self) -> Pruning:
        from chalicelib.fleet.commands.pruning import Pruning

        settings = self.settings
        kept = timedelta(days=settings.execution_retention_days) if settings.execution_pruning_enabled else None
        return Pruning(self.tables, self.clock, kept)

    @cached_property
    def relay(self) -> Relay:
        from chalicelib.kit.tables.wire import from_wire
        from chalicelib.platform.relay.service import Relay

        return Relay(
            self.events,
            self.queues,
            self.dispatch,
            self.counters,
            self.commands.rows_of,
            from_wire,
            self.settings.table_prefix,
            has_mesh=self.settings.has_mesh,
        )

    @cached_property
    def transport(self) -> Transport:
        from chalicelib.fleet.transport.service import Transport

        return Transport(
            self.nodes,
            self.executions,
            self.sockets,
            self.log,
            push=self._push,
            push_host=self.settings.push_host,
            vpn_domain=self.settings.netmaker_default_domain,
        )

    @cached_property
    def dispatch(self) -> Dispatch:
        from chalicelib.fleet.transport.dispatch import Dispatch

        return Dispatch(self.queues, self.ownership.queue_of, self.log)

    @cached_property
    def redelivery(self) -> Redelivery:
        from chalicelib.fleet.transport.redelivery import Redelivery

        return Redelivery(self.clock, self.nodes.reading, self.clusters, self.executions)

    @cached_property
    def resealing(self) -> Resealing:
        from chalicelib.platform.resealing import Resealing

        return Resealing(self.tables, self.sealer)

    @property
    def _push(self) -> Push | None:
        if not self.settings.push_enabled:
            return None
        from chalicelib.fleet.transport.push import push_over_http

        return push_over_http()

    @cached_property
    def node_metrics(self) -> NodeMetrics:
        from chalicelib.fleet.metrics.owners import Owners
        from chalicelib.fleet.metrics.scraping import scraper_over_http
        from chalicelib.fleet.metrics.service import NodeMetrics

        settings = self.settings
        return NodeMetrics(
            self.tables,
            self.clock,
            self.nodes,
            lambda: self.sockets,
            self.log,
            owners=Owners(self.ownership, self.dispatch, self.clock),
            scraper=scraper_over_http() if settings.push_enabled else None,
            push_host=settings.push_host,
            vpn_domain=settings.netmaker_default_domain,
            fresh_seconds=settings.metrics_fresh_seconds,
        )

    @cached_property
    def metrics_discovery(self) -> Discovery:
        from chalicelib.fleet.metrics.discovery import Discovery

        return Discovery(self.nodes.reading, self.settings.metrics_base_url or self.settings.public_url)

    @cached_property
    def admin_metrics(self) -> AdminMetrics:
        from chalicelib.families import deployed
        from chalicelib.fleet.metrics.admin import AdminMetrics

        return AdminMetrics(self.counters, self.queues, deployed().queues, self.degraded)

    def health_checks(self) -> list[HealthCheck]:
        """Checks of the dependencies of requests: a read of a missing row, a queue, the mesh, the keys."""
        from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
        from chalicelib.kit.health import HealthCheck
        from chalicelib.platform.events.queues import EVENTS

        checks = [
            HealthCheck("Database", lambda: self.tables.get(CLUSTERS, {"name": "-"}, consistent=False)),
            HealthCheck("Queues", lambda: self.queues.check(EVENTS)),
        ]
        if self.settings.has_mesh:
            checks.append(HealthCheck("Netmaker API", self.mesh.check))
        return [*checks, HealthCheck("Keys", lambda: self.keys)] if self.settings.auth_enabled else checks

    def degraded(self) -> bool:
        """Whether the installation is over its capacity; never where ADMIN_MAX_WIREGUARD_PEERS sets none."""
        return self.admins.degraded()


_current: list[Services] = []


def services() -> Services:
    """The container's one set of services, made from its environment when it is first asked for."""
    if not _current:
        settings = Settings.from_environment()
        _current.append(Services(settings, Aws(settings)))
    return _current[-1]


def prepare(function: str, build: Callable[[Services], object]) -> None:
    """Build now what every invocation of that function needs, if this process is an instance of it; else do nothing.

    Lambda gives a function that starts a whole processor, and its share, by memory, once it works: what is left to the
    first invocation takes several times as long. Passes on the errors of the settings and the parts; Lambda starts it
    again.
    """
    if running_function() == function:
        build(services())


@contextmanager
def serving(replacement: Services) -> Iterator[None]:
    """Answer `services()` with these until the block ends: how a test passes its own to deployed handlers."""
    _current.append(replacement)
    try:
        yield
    finally:
        _current.remove(replacement)
