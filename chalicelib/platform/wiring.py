"""The container of the platform: tables, counters, secrets, queues, keys, events, webhooks and the relay as attributes,
each built when it is first asked for, and the containers of the families that stand on it.

The modules of a part are imported by the property that builds it: a function loads what it uses, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib.kit.tables import Tables

if TYPE_CHECKING:
    from chalicelib.kit.bus import Bus
    from chalicelib.kit.counters import Counters
    from chalicelib.kit.crypto import Sealer
    from chalicelib.kit.listing import Lists
    from chalicelib.kit.objects import Objects
    from chalicelib.kit.origin import Origin
    from chalicelib.kit.queues import Queues
    from chalicelib.kit.sockets import Sockets
    from chalicelib.kit.tables import ActedOn, Put
    from chalicelib.kit.tasks import Tasks
    from chalicelib.platform.access.api_keys import ApiKeys
    from chalicelib.platform.access.identities import Identities
    from chalicelib.platform.audit.service import Audit
    from chalicelib.platform.background.service import Background
    from chalicelib.platform.callers import Callers
    from chalicelib.platform.context import Family
    from chalicelib.platform.events.service import Events
    from chalicelib.platform.families import Families
    from chalicelib.platform.gateways import Gateways
    from chalicelib.platform.idempotency.service import Idempotency
    from chalicelib.platform.identity.wiring import Identity
    from chalicelib.platform.limits.service import Limits
    from chalicelib.platform.provisioning.overall import AllResources
    from chalicelib.platform.provisioning.service import Resources
    from chalicelib.platform.provisioning.wiring import ProvisioningContext
    from chalicelib.platform.quotas.service import Quotas
    from chalicelib.platform.relay.service import Relay
    from chalicelib.platform.sealing.resealing import Resealing
    from chalicelib.platform.signing.wiring import SigningContext
    from chalicelib.platform.webhooks.wiring import WebhookContext
    from chalicelib.settings import Settings

C = TypeVar("C")

LIMIT_REPEAT_SECONDS = 0.1
"""How long a busy row of a limit is asked again, before the request is let through."""


class Platform:
    """The parts of the platform by name, made of the settings and `Gateways`. ``find_families`` gives the families of
    the deployment; it is asked only by parts that iterate over them, since it imports every context."""

    def __init__(self, settings: Settings, gateways: Gateways, find_families: Callable[[], Families]) -> None:
        self.settings = settings
        self._find_families = find_families
        self._containers: dict[Callable[[Platform], Any], Any] = {}
        self.clock = gateways.clock
        self.ids = gateways.ids
        self.log = gateways.log
        self._gateways = gateways

    def container(self, of: Callable[[Platform], C]) -> C:
        """The container of a family, by its class."""
        if of not in self._containers:
            self._containers[of] = of(self)
        built: C = self._containers[of]
        return built

    def container_of(self, family: Family) -> Any:
        """The container of a family, by its value; that of the platform is this one."""
        if not family.services:
            return self
        module, _, name = family.services.rpartition(".")
        return self.container(getattr(import_module(module), name))

    @cached_property
    def families(self) -> Families:
        return self._find_families()

    @cached_property
    def tables(self) -> Tables:
        return Tables(self._gateways.driver, self.clock, self.ids, note=_noting)

    def patient_tables(self, repeat_seconds: float) -> Tables:
        """The same tables, for writers that repeat for so long what DynamoDB refuses for contention or throttling."""
        return Tables(self._gateways.driver, self.clock, self.ids, repeat_seconds=repeat_seconds, note=_noting)

    @cached_property
    def audit(self) -> Audit:
        from chalicelib.platform.audit.service import Audit

        return Audit(self.tables, self.patient_tables(0), self.lists, self.log)

    @cached_property
    def counters(self) -> Counters:
        from chalicelib.kit.counters import Counters

        return Counters(self.tables, self.clock)

    @cached_property
    def lists(self) -> Lists:
        from chalicelib.kit.listing import Lists

        return Lists(self.tables, self.clock, self.settings.list_read_limit, self.counters.read, lambda: self.sealer)

    @cached_property
    def tasks(self) -> Tasks:
        from chalicelib.kit.tasks import Tasks

        return Tasks(self.tables, self.clock)

    @cached_property
    def background(self) -> Background:
        from chalicelib.platform.background.service import Background

        return Background(self.families, self.container_of, self.tasks)

    @cached_property
    def sealer(self) -> Sealer:
        from chalicelib.kit.crypto import Sealer

        return Sealer(self.tables, self._gateways.key_service, self.clock, self.ids, self.settings.table_prefix)

    @cached_property
    def queues(self) -> Queues:
        from chalicelib.kit.queues import Queues

        return Queues(self._gateways.queue_client, self.settings.queue_url_prefix)

    @cached_property
    def bus(self) -> Bus:
        from chalicelib.kit.bus import Bus

        return Bus(self._gateways.bus_client, self.settings.event_bus_name)

    @cached_property
    def sockets(self) -> Sockets:
        from chalicelib.kit.sockets import Sockets

        return Sockets(self._gateways.socket_client)

    def objects(self, bucket: str) -> Objects:
        """The objects of a bucket."""
        from chalicelib.kit.objects import Objects

        return Objects(self._gateways.object_client, bucket)

    @property
    def gateways(self) -> Gateways:
        """The dependencies outside this process, for parts of families that have some of their own."""
        return self._gateways

    @cached_property
    def callers(self) -> Callers:
        from chalicelib.platform.callers import Callers

        return Callers(self, self._gateways.read_secret, lambda: self._gateways.mailer)

    @property
    def identities(self) -> Identities:
        return self.callers.identities

    @property
    def api_keys(self) -> ApiKeys:
        return self.callers.api_keys

    @property
    def identity(self) -> Identity:
        return self.callers.identity

    @cached_property
    def idempotency(self) -> Idempotency:
        from chalicelib.platform.idempotency.service import Idempotency

        return Idempotency(self.tables, self.patient_tables(0), self.clock, self.sealer, self.log)

    @cached_property
    def limits(self) -> Limits:
        from chalicelib.platform.limits.service import Limits
        from chalicelib.platform.limits.store import LimitStore

        settings = self.settings
        return Limits(
            LimitStore(self.patient_tables(LIMIT_REPEAT_SECONDS), self.clock),
            self.clock,
            self.log,
            per_minute=settings.key_requests_per_minute,
            address_rate=settings.public_rate_per_second,
            address_burst=settings.public_burst,
        )

    @cached_property
    def events(self) -> Events:
        from chalicelib.platform.events.service import Events

        return Events(self.clock, self.ids, self.settings.core_name)

    @cached_property
    def webhooks(self) -> WebhookContext:
        from chalicelib.kit.outbound import Outbound
        from chalicelib.platform.events.service import SOURCE
        from chalicelib.platform.webhooks.attempts import Policy
        from chalicelib.platform.webhooks.wiring import WebhookContext

        settings, gateways = self.settings, self._gateways
        age = settings.event_delivery_max_age_seconds
        return WebhookContext(
            self.tables,
            self.clock,
            self.ids,
            sealer=self.sealer,
            outbound=Outbound(gateways.resolver, gateways.exchange, allow_private=settings.webhook_allow_private_ips),
            queues=self.queues,
            policy=Policy(
                settings.webhook_max_attempts,
                timedelta(seconds=age) if age else None,
                settings.webhook_retry_seconds,
            ),
            catalogue=lambda: self.families.event_types,
            source=SOURCE,
            core_name=settings.core_name,
            lists=self.lists,
            counters=self.counters,
            sign=lambda body: self.signing.sign_webhook(body),  # noqa: PLW0108 - loads what it uses
        )

    @cached_property
    def quotas(self) -> Quotas:
        from chalicelib.platform.quotas.service import Quotas

        return Quotas(self.tables, self.clock)

    @cached_property
    def provisioning(self) -> ProvisioningContext:
        from chalicelib.platform.provisioning.wiring import ProvisioningContext

        return ProvisioningContext(self)

    def resources(self, tenant: str) -> Resources:
        """The resources of a tenant."""
        return self.provisioning.resources(tenant)

    @property
    def all_resources(self) -> AllResources:
        return self.provisioning.all_resources

    @cached_property
    def relay(self) -> Relay:
        from chalicelib.kit.tables.wire import from_wire
        from chalicelib.platform.relay.reactions import Reactions
        from chalicelib.platform.relay.service import Relay

        return Relay(
            Reactions(self.families, self.settings),
            self.tables,
            self.events,
            self.queues,
            self.counters,
            self.container_of,
            from_wire,
            self.settings.table_prefix,
        )

    @cached_property
    def signing(self) -> SigningContext:
        from chalicelib.platform.signing.wiring import SigningContext

        settings, gateways = self.settings, self._gateways
        return SigningContext(
            self.tables,
            self.clock,
            self.ids,
            sealer=self.sealer,
            kms=lambda: gateways.kms_client,
            kms_key=settings.signing_key_id,
            core_name=settings.core_name,
        )

    @cached_property
    def resealing(self) -> Resealing:
        from chalicelib.platform.sealing.resealing import Resealing

        return Resealing(self.tables, self.sealer, self.families.sealed)


def _noting(origin: Origin, thing: ActedOn) -> Put:
    """The row of the audit log for what the change stream cannot tell (`kit.tables.acts`)."""
    from chalicelib.platform.audit.service import noting

    return noting(origin, thing)
