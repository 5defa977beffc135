"""Puts the traffic of NAT gateways on the bills of their tenants, every hour."""

from chalice.app import Blueprint, Rate

from chalicelib.cloud.wiring import Cloud
from chalicelib.cloud.workers import CLOUD

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.HOURS), name="measure_traffic")
@CLOUD.scheduled("measure_traffic", lambda services: services.nat_traffic)
def handler(services: Cloud) -> None:
    services.nat_traffic.measure()
