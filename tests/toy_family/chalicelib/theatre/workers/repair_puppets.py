"""Repairs puppets. A message with a node that has left the fleet, from the bus, asks for nothing."""

from chalice.app import Blueprint

from chalicelib.platform.workers.entry import Message, placeholder_arn
from chalicelib.theatre.puppets.queues import PUPPET_REPAIRS
from chalicelib.theatre.wiring import Theatre
from chalicelib.theatre.workers import THEATRE

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(PUPPET_REPAIRS), name="repair_puppets")
@THEATRE.sqs_worker("repair_puppets", lambda services: services.puppets)
def handler(message: Message, services: Theatre) -> None:
    if "detail" in message:
        services.platform.log.line("node_left", event_type=message["detail-type"])
        return
    services.puppets.repair(message["puppet_id"])
