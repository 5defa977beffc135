"""`Builds`: carries out builds, one step after the other, each with one conditional write. The use case of the worker.

A message may come twice, late, or beside another: a step may be repeated, and the row's version lets one writer win. A
worker that dies is followed by its message's repeat, or by the sweep.
"""

from collections.abc import Callable

from chalicelib.kit.clock import Clock
from chalicelib.machines.hosted import rules
from chalicelib.machines.hosted.model import HostedNode, Status
from chalicelib.machines.hosted.ports import Builder
from chalicelib.machines.hosted.store import NodeStore

MOST_STEPS = 8
"""Steps that one message takes at most: more than there are phases."""


class Builds:
    """``nodes_of`` gives the nodes of a tenant."""

    def __init__(self, nodes_of: Callable[[str], NodeStore], builder: Builder, clock: Clock) -> None:
        self._nodes_of = nodes_of
        self._builder = builder
        self._clock = clock

    def run(self, tenant: str, node_id: str, attempts: int | None = None) -> HostedNode | None:
        """Go on with the node's build as far as it goes now; without one, note what has become of its machine. Does
        nothing for an unknown node, nor if ``attempts`` is not the node's: then another look has come in between.
        Returns a node that should be looked at again after `rules.wait_seconds` of its attempts. Raises `EdgeError`
        (service unavailable) if this should be repeated."""
        nodes = self._nodes_of(tenant)
        for _ in range(MOST_STEPS):
            node = nodes.find(node_id)
            if node is None or attempts not in {None, node.attempts}:
                return None
            if not node.build.is_under_way:
                if self._is_settled(tenant, nodes, node):
                    return None
                continue
            progress = self._builder.step(tenant, node)
            moved = rules.progressed(node, progress, self._clock.now())
            written = nodes.replace(node, moved, "hosted_node.progressed")
            if written is None:
                continue
            if not written.build.is_under_way:
                return None
            if written.build.phase is node.build.phase:
                return written
            attempts = None
        return None

    def claim(self, tenant: str, node_id: str) -> bool:
        """Put off a due node before its message is sent; False if there is nothing to do, or another was faster."""
        nodes = self._nodes_of(tenant)
        node = nodes.find(node_id)
        if node is None or node.due_at is None:
            return False
        return nodes.replace(node, rules.claimed(node, self._clock.now()), "hosted_node.requeued") is not None

    def _is_settled(self, tenant: str, nodes: NodeStore, node: HostedNode) -> bool:
        """Whether a node without a build under way is as its machine is; if not, it is written so. Its machine may have
        changed meanwhile, with a look that found nothing to write: so it is looked at again after a write. A destroyed
        one changes no more; its webhook ends in time."""
        now = self._clock.now()
        if node.status is Status.DESTROYED:
            if not rules.may_forget_webhook(node, now):
                return True
            self._builder.forget(node)
            settled = rules.without_webhook(node, now)
        else:
            settled = rules.settled(node, self._builder.look(tenant, node), now)
        if settled is not node:
            nodes.replace(node, settled, "hosted_node.settled")
        return settled is node
