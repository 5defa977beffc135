"""The foundations of the application's parts: tables, counters, secrets, queues, keys.

As in `bootstrap`, a part's modules are imported by the property that builds it: a function loads what it uses.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.kit.aws import is_local
from chalicelib.kit.tables import Tables

if TYPE_CHECKING:
    from chalicelib.kit.bus import Bus
    from chalicelib.kit.counters import Counters
    from chalicelib.kit.crypto import Sealer
    from chalicelib.kit.listing import Lists
    from chalicelib.kit.queues import Queues
    from chalicelib.kit.sockets import Sockets
    from chalicelib.kit.tasks import Tasks
    from chalicelib.platform.access.keys import OperatorKeys
    from chalicelib.platform.access.stage_secret import StageSecret
    from chalicelib.platform.access.throttle import Throttle
    from chalicelib.platform.outside import Outside
    from chalicelib.settings import Settings


class Foundations:
    """Settings, time, ids and log, and what is made of `Outside` with them."""

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
        from chalicelib.kit.counters import Counters

        return Counters(self.tables, self.clock)

    @cached_property
    def lists(self) -> Lists:
        from chalicelib.kit.listing import Lists

        return Lists(self.tables, self.clock, self.settings.list_read_limit, self.counters.read)

    @cached_property
    def tasks(self) -> Tasks:
        from chalicelib.kit.tasks import Tasks

        return Tasks(self.tables, self.clock)

    @cached_property
    def sealer(self) -> Sealer:
        from chalicelib.kit.crypto import Sealer

        return Sealer(self.tables, self._outside.key_service, self.clock, self.ids, self.settings.table_prefix)

    @cached_property
    def queues(self) -> Queues:
        from chalicelib.kit.queues import Queues

        return Queues(self._outside.queue_client, self.settings.queue_url_prefix)

    @cached_property
    def bus(self) -> Bus:
        from chalicelib.kit.bus import Bus

        return Bus(self._outside.bus_client, self.settings.event_bus_name)

    @cached_property
    def sockets(self) -> Sockets:
        from chalicelib.kit.sockets import Sockets

        return Sockets(self._outside.socket_client)

    @cached_property
    def stage_secret(self) -> StageSecret:
        from chalicelib.platform.access.stage_secret import StageSecret

        return StageSecret(self.settings.keys_secret_arn, self._outside.read_secret, self.clock, self.log)

    @cached_property
    def keys(self) -> OperatorKeys:
        from chalicelib.platform.access.keys import SHORTEST_KEY, load_keys

        settings = self.settings
        return load_keys(
            settings.master_key,
            settings.api_key,
            settings.metrics_key,
            self.stage_secret,
            self.clock,
            self.log,
            shortest=0 if is_local() else SHORTEST_KEY,
        )

    @cached_property
    def throttle(self) -> Throttle:
        from chalicelib.platform.access.throttle import Throttle

        return Throttle(self.settings.public_rate_per_second, self.settings.public_burst, self.clock)

    @cached_property
    def wrong_keys(self) -> Throttle:
        """For callers with a wrong key, by address. It never holds up a caller with a right one."""
        from chalicelib.platform.access.throttle import WRONG_KEYS_BURST, WRONG_KEYS_PER_SECOND, Throttle

        return Throttle(WRONG_KEYS_PER_SECOND, WRONG_KEYS_BURST, self.clock)
