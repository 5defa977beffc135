"""The parts of the context `webhooks`, put together once per container."""

from collections.abc import Callable, Collection
from functools import cached_property

from chalicelib.kit.clock import Clock
from chalicelib.kit.counters import Counters
from chalicelib.kit.crypto import Sealer
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import Lists
from chalicelib.kit.outbound import Outbound
from chalicelib.kit.queues import Queues
from chalicelib.kit.tables import Tables
from chalicelib.platform.webhooks.attempts import Policy
from chalicelib.platform.webhooks.deliveries import Deliveries
from chalicelib.platform.webhooks.delivering import Delivering
from chalicelib.platform.webhooks.delivery_store import DeliveryStore
from chalicelib.platform.webhooks.owned import OwnedWebhooks
from chalicelib.platform.webhooks.sending import Sender
from chalicelib.platform.webhooks.service import Webhooks
from chalicelib.platform.webhooks.subscriptions import Subscriptions
from chalicelib.platform.webhooks.sweeping import Sweep
from chalicelib.platform.webhooks.vault import Vault
from chalicelib.platform.webhooks.webhook_store import WebhookStore


class WebhookContext:
    """``catalogue`` gives the event types that exist; ``source`` and ``core_name`` go into the envelopes of tests,
    ``sign`` makes signatures that anyone can verify."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        *,
        sealer: Sealer,
        outbound: Outbound,
        queues: Queues,
        policy: Policy,
        catalogue: Callable[[], Collection[str]],
        source: str,
        core_name: str,
        lists: Lists,
        counters: Counters,
        sign: Callable[[bytes], str],
    ) -> None:
        self._clock = clock
        self._ids = ids
        self._vault = Vault(sealer)
        self._outbound = outbound
        self._queues = queues
        self._policy = policy
        self._counters = counters
        self._source = source
        self._core_name = core_name
        self._lists = lists
        self._sign = sign
        self._webhooks = WebhookStore(tables)
        self._deliveries = DeliveryStore(tables)
        self.registry = Webhooks(
            self._webhooks,
            self._vault,
            outbound,
            clock,
            ids,
            catalogue=catalogue,
            lists=lists,
        )

    @cached_property
    def deliveries(self) -> Deliveries:
        return Deliveries(
            self.registry,
            self._deliveries,
            self._clock,
            self._ids,
            policy=self._policy,
            source=self._source,
            core_name=self._core_name,
            lists=self._lists,
        )

    @cached_property
    def delivering(self) -> Delivering:
        sender = Sender(self._outbound, self._vault, self._clock, self._sign)
        return Delivering(
            self._webhooks,
            self._deliveries,
            sender,
            self._queues,
            self._clock,
            self._ids,
            self._policy,
            self._counters,
        )

    @cached_property
    def owned(self) -> OwnedWebhooks:
        return OwnedWebhooks(self._webhooks, self._vault, self._outbound, self._clock, self._ids)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        return Subscriptions(self._webhooks, self._queues, self._clock)

    @cached_property
    def sweep(self) -> Sweep:
        return Sweep(self._webhooks, self._deliveries, self._queues, self._clock, self._policy)
