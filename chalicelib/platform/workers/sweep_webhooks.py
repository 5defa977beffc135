"""Requeues overdue deliveries, probes paused webhooks, and releases held deliveries."""

from chalice.app import Blueprint, Rate

from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM

BUDGET_SECONDS = 45.0
"""A run ends before the next begins; what is left stays due."""

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_webhooks")
@PLATFORM.scheduled("sweep_webhooks", lambda platform: (platform.webhooks, platform.counters))
def handler(platform: Platform) -> None:
    platform.webhooks.sweep.run(BUDGET_SECONDS)
