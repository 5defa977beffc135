"""Reports things at providers that carry our tags and that no row wants, with what they cost. It touches none."""

from chalice.app import Blueprint, Rate

from chalicelib.kit.log import Level
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.HOURS), name="report_strangers")
@PLATFORM.scheduled("report_strangers", lambda platform: (platform.provisioning.strangers, platform.counters))
def handler(platform: Platform) -> None:
    for stranger in platform.provisioning.strangers.find():
        thing = stranger.thing
        platform.log.line(
            "stranger",
            level=Level.WARNING,
            kind=stranger.kind,
            why=stranger.why,
            tenant=thing.tenant,
            resource_id=thing.resource_id,
            external_id=thing.external_id,
            since=thing.since or None,
            zone=thing.zone or None,
            price_per_hour=thing.price_per_hour or None,
        )
