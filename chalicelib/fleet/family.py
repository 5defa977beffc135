"""The fleet: machines that exist, and their operators."""

from chalicelib.fleet.admins import context as admins
from chalicelib.fleet.aliases import context as aliases
from chalicelib.fleet.clusters import context as clusters
from chalicelib.fleet.commands import context as commands
from chalicelib.fleet.distribution import context as distribution
from chalicelib.fleet.enrollment import context as enrollment
from chalicelib.fleet.events import context as events
from chalicelib.fleet.events.catalogue import EventType
from chalicelib.fleet.facts import FACTS
from chalicelib.fleet.mesh import context as mesh
from chalicelib.fleet.metrics import context as metrics
from chalicelib.fleet.nodes import context as nodes
from chalicelib.fleet.permissions import PERMISSIONS
from chalicelib.fleet.schedules import context as schedules
from chalicelib.fleet.scripts import context as scripts
from chalicelib.fleet.ssh import context as ssh
from chalicelib.fleet.tails import context as tails
from chalicelib.fleet.targeting import context as targeting
from chalicelib.fleet.transport import context as transport
from chalicelib.fleet.updates import context as updates
from chalicelib.fleet.vpn import context as vpn
from chalicelib.platform.context import EVERY_STACK, Family, Function, HttpSource

FAMILY = Family(
    "fleet",
    contexts=(
        events.CONTEXT,
        vpn.CONTEXT,
        clusters.CONTEXT,
        enrollment.CONTEXT,
        nodes.CONTEXT,
        aliases.CONTEXT,
        mesh.CONTEXT,
        admins.CONTEXT,
        targeting.CONTEXT,
        commands.CONTEXT,
        scripts.CONTEXT,
        schedules.CONTEXT,
        transport.CONTEXT,
        tails.CONTEXT,
        updates.CONTEXT,
        ssh.CONTEXT,
        metrics.CONTEXT,
        distribution.CONTEXT,
    ),
    services="chalicelib.fleet.wiring.Fleet",
    api="chalicelib.fleet.api.APIS",
    permissions=PERMISSIONS,
    event_types=tuple(EventType),
    internal=FACTS,
    functions=(
        # API Gateway gives up after 29 s. A function must end before: else its answer is lost, its work goes on unseen.
        Function(
            "api_handler",
            "app.app",
            HttpSource(),
            28,
            memory_mb=1024,
            roles=EVERY_STACK,
            reaches_nodes=True,
            loads="access aliases clusters commands enrollment events idempotency limits nodes targeting vpn",
        ),
    ),
)
