"""Does the background work whose moment has come: cancellations, deadlines and schedules of commands."""

from chalice.app import Blueprint

from chalicelib.fleet.commands.queues import TIMELY_WORK
from chalicelib.kit.worktime import WorkTime
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM, Message, placeholder_arn
from chalicelib.platform.workers.in_background import carry_out

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(TIMELY_WORK), name="do_timely_work")
@PLATFORM.long_sqs_worker("do_timely_work", lambda platform: (platform.background, platform.queues))
def handler(message: Message, platform: Platform, time: WorkTime) -> None:
    carry_out(message, platform, time)
