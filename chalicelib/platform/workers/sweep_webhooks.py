"""Requeues overdue deliveries, probes paused webhooks, and releases held deliveries."""

from chalice.app import Blueprint, Rate

from chalicelib.bootstrap import Services
from chalicelib.platform.workers.entry import scheduled

BUDGET_SECONDS = 45.0
"""A run ends before the next begins; what is left stays due."""

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_webhooks")
@scheduled("sweep_webhooks", lambda services: (services.webhooks, services.counters))
def handler(services: Services) -> None:
    services.webhooks.sweep.run(BUDGET_SECONDS)
