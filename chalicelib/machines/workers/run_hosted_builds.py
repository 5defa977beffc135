"""Goes on with builds of hosted nodes and exports of their logs, and looks at nodes whose instance has changed."""

from typing import Any

from chalice.app import Blueprint

from chalicelib.machines.hosted.changes import export_message, look_message
from chalicelib.machines.hosted.queues import HOSTED_BUILDS
from chalicelib.machines.hosted.rules import wait_seconds
from chalicelib.machines.instances.model import INSTANCE
from chalicelib.machines.wiring import Machines
from chalicelib.machines.workers import MACHINES
from chalicelib.platform.events.facts import fact_in
from chalicelib.platform.workers.entry import Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(HOSTED_BUILDS), name="run_hosted_builds")
@MACHINES.sqs_worker("run_hosted_builds", lambda services: services.hosted)
def handler(message: Message, services: Machines) -> None:
    match message:
        case {"tenant": tenant, "node": node_id, "export": export_id}:
            _export(services, tenant, node_id, export_id)
        case {"tenant": tenant, "node": node_id}:
            _look(services, tenant, node_id, message.get("attempts"))
        case _:
            changed = fact_in(message).data
            if changed["kind"] == INSTANCE:
                _look(services, changed["tenant"], changed["id"], None)


def _look(services: Machines, tenant: str, node_id: str, attempts: Any) -> None:
    """The next look is asked for after the step is written: if the message is lost, the sweep sends another."""
    node = services.hosted.builds.run(tenant, node_id, attempts)
    if node is not None:
        message = look_message(tenant, node.id, node.attempts)
        services.platform.queues.send(HOSTED_BUILDS, [message], delay_seconds=wait_seconds(node.attempts))


def _export(services: Machines, tenant: str, node_id: str, export_id: str) -> None:
    seconds = services.hosted.exports.run(tenant, node_id, export_id)
    if seconds is not None:
        message = export_message(tenant, node_id, export_id)
        services.platform.queues.send(HOSTED_BUILDS, [message], delay_seconds=seconds)
