"""Finds the nodes that have fallen silent, every minute."""

from chalice.app import Blueprint, Rate

from chalicelib.bootstrap import Services
from chalicelib.kit.counters import event_counter
from chalicelib.kit.origin import current_origin
from chalicelib.platform.workers.entry import scheduled

BUDGET_SECONDS = 45.0
"""A run ends before the next begins; what is left stays due."""

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="check_health")
@scheduled("check_health", lambda services: (services.nodes, services.counters))
def handler(services: Services) -> None:
    swept = services.nodes.health.sweep(BUDGET_SECONDS)
    looked_at = swept.moved + swept.unreachable
    if looked_at:
        services.counters.count(event_counter("health_check"), looked_at, by=current_origin().request_id)
