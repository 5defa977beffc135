"""Does the background work that may wait."""

from chalice.app import Blueprint

from chalicelib.kit.worktime import WorkTime
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM, Message, placeholder_arn
from chalicelib.platform.workers.in_background import carry_out

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(CLEAN_UP), name="clean_up")
@PLATFORM.long_sqs_worker("clean_up", lambda platform: (platform.background, platform.queues))
def handler(message: Message, platform: Platform, time: WorkTime) -> None:
    carry_out(message, platform, time)
