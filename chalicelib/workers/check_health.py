"""Finds the nodes that have fallen silent, and the deleted ones that nobody has cleaned up after, every minute."""

from chalice.app import Blueprint, Rate

from chalicelib.bootstrap import Services
from chalicelib.kit.counters import happened
from chalicelib.kit.origin import current_origin
from chalicelib.kit.queues import Queue
from chalicelib.relay.routing import NODE_CLEAN_UPS
from chalicelib.workers.entry import scheduled

BUDGET_SECONDS = 45.0
"""A run ends before the next begins; what is left stays due."""

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="check_health")
@scheduled("check_health")
def handler(services: Services) -> None:
    swept = services.nodes.check_health(BUDGET_SECONDS)
    for kind in NODE_CLEAN_UPS if swept.left_over else ():
        services.queues.send(Queue.CLEAN_UP, [{"kind": kind, "id": node_id} for node_id in swept.left_over])
    looked_at = swept.moved + swept.unreachable
    if looked_at:
        services.counters.count(happened("health_check"), looked_at, by=current_origin().request_id)
