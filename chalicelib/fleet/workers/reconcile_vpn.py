"""Begins to compare the mesh with our rows, once an hour; `settle_vpn` does it, network by network. Nothing to do where
there is no mesh, where it is switched off, and in degraded mode, as in the reference."""

from chalice.app import Blueprint, Rate

from chalicelib.fleet.mesh.queues import VPN
from chalicelib.fleet.wiring import Fleet
from chalicelib.fleet.workers.entry import FLEET

blueprint = Blueprint(__name__)


@blueprint.schedule(Rate(1, unit=Rate.HOURS), name="reconcile_vpn")
@FLEET.scheduled("reconcile_vpn", lambda services: (services.platform.queues, services.platform.counters))
def handler(services: Fleet) -> None:
    settings = services.platform.settings
    if settings.has_mesh and settings.cluster_reconciliation_enabled and not services.degraded():
        services.platform.queues.send(VPN, [{"kind": "networks", "id": "all"}])
