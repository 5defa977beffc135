"""The parts of `transport`."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.fleet.transport.dispatch import Dispatch
    from chalicelib.fleet.transport.push import Push
    from chalicelib.fleet.transport.redelivery import Redelivery
    from chalicelib.fleet.transport.service import Transport
    from chalicelib.fleet.wiring import Fleet


class TransportParts:
    """`direct` sends to agents over sockets and by push; `dispatch` queues work for the stack that owns their
    cluster."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._platform = fleet.platform

    @cached_property
    def direct(self) -> Transport:
        from chalicelib.fleet.transport.service import Transport

        settings = self._platform.settings
        return Transport(
            self._fleet.nodes,
            self._fleet.commands.executions,
            self._platform.sockets,
            self._platform.log,
            push=self._push,
            push_host=settings.push_host,
            vpn_domain=settings.netmaker_default_domain,
            sends_work=settings.short_way,
        )

    @cached_property
    def dispatch(self) -> Dispatch:
        from chalicelib.fleet.transport.dispatch import Dispatch

        return Dispatch(self._platform.queues, self._fleet.admins.ownership.queue_of, self._platform.log)

    @cached_property
    def redelivery(self) -> Redelivery:
        from chalicelib.fleet.transport.redelivery import Redelivery

        fleet = self._fleet
        return Redelivery(self._platform.clock, fleet.nodes.reading, fleet.clusters, fleet.commands.executions)

    @property
    def _push(self) -> Push | None:
        if not self._platform.settings.push_enabled:
            return None
        from chalicelib.fleet.transport.push import push_over_http

        return push_over_http()
