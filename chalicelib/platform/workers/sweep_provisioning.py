"""Has resources looked at that are due: those at rest once an hour, and those whose message was lost."""

from chalice.app import Blueprint, Rate

from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="sweep_provisioning")
@PLATFORM.scheduled("sweep_provisioning", lambda platform: (platform.provisioning.sweep, platform.counters))
def handler(platform: Platform) -> None:
    platform.provisioning.sweep.run()
