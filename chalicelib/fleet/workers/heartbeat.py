"""Says every minute that this stack is alive, and computes which admin each cluster belongs to."""

from chalice.app import Blueprint, Rate

from chalicelib.fleet.wiring import Fleet
from chalicelib.fleet.workers.entry import FLEET
from chalicelib.kit.log import Level

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="heartbeat")
@FLEET.scheduled("heartbeat", lambda services: (services.admins.registry, services.platform.counters))
def handler(services: Fleet) -> None:
    found = services.admins.registry.beat()
    if found.assignment is None:
        services.platform.log.line("assignment_too_large", level=Level.WARNING, nodes=found.total_nodes)
    elif found.assignment.orphaned:
        services.platform.log.line(
            "clusters_orphaned",
            level=Level.WARNING,
            clusters=len(found.assignment.orphaned),
            nodes=found.total_nodes,
            capacity=found.total_capacity,
            degraded=found.is_degraded,
        )
