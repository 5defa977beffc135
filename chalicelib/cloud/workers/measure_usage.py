"""Notes once a day how much tenants use of what AWS alone counts; their bills and quotas follow from the rows."""

from chalice.app import Blueprint, Rate

from chalicelib.cloud.wiring import Cloud
from chalicelib.cloud.workers import CLOUD

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.DAYS), name="measure_usage")
@CLOUD.scheduled("measure_usage", lambda services: services.storage.measuring)
def handler(services: Cloud) -> None:
    services.storage.measuring.measure()
