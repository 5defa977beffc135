"""Says every minute that this stack is alive, and computes which admin each cluster belongs to."""

from chalice.app import Blueprint, Rate

from chalicelib.bootstrap import Services
from chalicelib.kit.log import Level
from chalicelib.platform.workers.entry import scheduled

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="heartbeat")
@scheduled("heartbeat", lambda services: (services.admins, services.counters))
def handler(services: Services) -> None:
    found = services.admins.beat()
    if found.assignment is None:
        services.log.line("assignment_too_large", level=Level.WARNING, nodes=found.total_nodes)
    elif found.assignment.orphaned:
        services.log.line(
            "clusters_orphaned",
            level=Level.WARNING,
            clusters=len(found.assignment.orphaned),
            nodes=found.total_nodes,
            capacity=found.total_capacity,
            degraded=found.is_degraded,
        )
