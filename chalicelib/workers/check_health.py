"""Finds the nodes that have fallen silent, every minute."""

from chalice.app import Blueprint, Rate

from chalicelib.bootstrap import Services
from chalicelib.workers.entry import scheduled

BUDGET_SECONDS = 45.0
"""A run ends before the next begins; what is left stays due."""

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="check_health")
@scheduled("check_health")
def handler(services: Services) -> None:
    services.nodes.check_health(BUDGET_SECONDS)
