"""Has instances looked at when their machine or their node has changed."""

from chalice.app import Blueprint

from chalicelib.machines.providers.queues import INSTANCE_SIGNALS
from chalicelib.machines.wiring import Machines
from chalicelib.machines.workers import MACHINES
from chalicelib.platform.workers.entry import Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(INSTANCE_SIGNALS), name="wake_instances")
@MACHINES.sqs_worker("wake_instances", lambda services: services.providers.signals)
def handler(message: Message, services: Machines) -> None:
    services.providers.signals.handle(message)
