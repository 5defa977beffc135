"""Queues builds and exports again whose message was lost, every minute, and lets webhooks of destroyed nodes end."""

from chalice.app import Blueprint, Rate

from chalicelib.machines.hosted.queues import HOSTED_BUILDS
from chalicelib.machines.wiring import Machines
from chalicelib.machines.workers import MACHINES

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_hosted_builds")
@MACHINES.scheduled("sweep_hosted_builds", lambda services: (services.hosted, services.platform.queues))
def handler(services: Machines) -> None:
    services.platform.queues.send(HOSTED_BUILDS, list(services.hosted.due_messages()))
