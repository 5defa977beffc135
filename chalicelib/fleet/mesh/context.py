"""Declares the context `mesh`: its tables, queues, functions and their permissions."""

from datetime import timedelta

from chalicelib.fleet.mesh.changes import FOLLOWS, on_change
from chalicelib.fleet.mesh.queues import VPN
from chalicelib.fleet.mesh.store import TABLE as NETWORKS
from chalicelib.platform.context import (
    DELETE,
    GET,
    QUERY,
    UPDATE,
    Context,
    Function,
    Grants,
    QueueSource,
    ScheduleSource,
)

CONTEXT = Context(
    name="mesh",
    tables=(NETWORKS,),
    queues=(VPN,),
    functions=(
        # Two at a time, the fewest that Lambda allows: a Netmaker server is one machine.
        Function(
            "settle_vpn",
            "chalicelib.fleet.workers.settle_vpn.handler",
            QueueSource(VPN, 2, batch_size=1),
            120,
            reaches_nodes=True,
        ),
        Function(
            "reconcile_vpn", "chalicelib.fleet.workers.reconcile_vpn.handler", ScheduleSource(timedelta(hours=1)), 60
        ),
    ),
    follows=FOLLOWS,
    on_change=on_change,
    enabled=lambda settings: settings.has_mesh,
    grants={
        "api_handler": Grants(tables={"vpn_networks": GET | UPDATE | DELETE}, counts=(VPN,)),
        "relay_changes": Grants(sends=(VPN,)),
        "settle_vpn": Grants(tables={"vpn_networks": GET | QUERY | UPDATE | DELETE}, sends=(VPN,)),
        "sweep_commands": Grants(sends=(VPN,)),
        "reconcile_vpn": Grants(sends=(VPN,)),
    },
)
