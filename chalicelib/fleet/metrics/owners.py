"""Having metrics fetched by the stack that stands in the node's network, where that is another one than this."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from chalicelib.fleet.admins.ownership import Ownership
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.nodes.model import Node
from chalicelib.fleet.transport.dispatch import AgentWork, Dispatch
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text

GOES_STALE_AFTER = timedelta(seconds=6)
"""A caller waits five seconds (stored in whole seconds). A fetch from a node that does not answer takes ten, so a batch
makes at most one, and its deliveries end within the worker's 30 s."""


class Owners:
    """Asks, and tells whether it is still worth while to answer."""

    def __init__(self, ownership: Ownership, dispatch: Dispatch, clock: Clock) -> None:
        self._ownership = ownership
        self._dispatch = dispatch
        self._clock = clock

    def ask(self, node: Node, types: Collection[MetricsType]) -> bool:
        """Queue a fetch with the owner of the node's cluster. Returns False if this stack is the owner or there is
        none, if the owner cannot reach nodes either, or if its queue does not accept the message. Never raises."""
        owner = self._ownership.other_owner_of(node.cluster_name)
        if owner is None or not owner.reaches_nodes:
            return False
        asked_at = to_seconds_text(self._clock.now())
        work = AgentWork()
        work.fetch_metrics(node.cluster_name, node.id, [each.value for each in types], asked_at)
        return self._dispatch.offer(work)

    def is_waited_for(self, request: dict[str, Any]) -> bool:
        """Whether somebody may still wait for what such a message asked for."""
        return self._clock.now() - parse_time(request["asked_at"]) <= GOES_STALE_AFTER
