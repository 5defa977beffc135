"""Makes the world follow the rows of resources: the next step of each, at its provider.

A batch's resources of one kind are observed in one call.
"""

from chalice.app import Blueprint

from chalicelib.kit.worktime import WorkTime
from chalicelib.platform.provisioning.queues import PROVISIONING
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM, Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(PROVISIONING), name="provision")
@PLATFORM.batch_sqs_worker("provision", lambda platform: platform.provisioning.working)
def handler(messages: list[Message], platform: Platform, time: WorkTime) -> None:
    platform.provisioning.working.work(messages, time)
