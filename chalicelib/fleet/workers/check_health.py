"""Finds the nodes that have fallen silent, and asks for the terms of nodes where they are missing, every minute."""

from chalice.app import Blueprint, Rate

from chalicelib.fleet.wiring import Fleet
from chalicelib.fleet.workers.entry import FLEET
from chalicelib.kit.counters import event_counter
from chalicelib.kit.origin import current_origin

BUDGET_SECONDS = 45.0
"""A run ends before the next begins; what is left stays due."""

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="check_health")
@FLEET.scheduled("check_health", lambda services: (services.nodes, services.platform.counters))
def handler(services: Fleet) -> None:
    services.nodes.terms.keep()
    swept = services.nodes.health.sweep(BUDGET_SECONDS)
    looked_at = swept.moved + swept.unreachable
    if looked_at:
        services.platform.counters.count(event_counter("health_check"), looked_at, by=current_origin().request_id)
