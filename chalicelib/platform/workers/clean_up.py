"""Does work in the background chunk by chunk, for as long as the function may work.

The rest is noted in a row, from which the change stream begins the next message (`kit.tasks`).
"""

from chalice.app import Blueprint

from chalicelib.kit.worktime import WorkTime
from chalicelib.platform.background.queues import CLEAN_UP
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import PLATFORM, Message, placeholder_arn

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(CLEAN_UP), name="clean_up")
@PLATFORM.long_sqs_worker("clean_up", lambda platform: (platform.background, platform.queues))
def handler(message: Message, platform: Platform, time: WorkTime) -> None:
    began_at = message.get("began_at") or platform.tasks.begin()
    cursor = platform.background.chunk(message)
    while cursor is not None and not time.is_over:
        cursor = platform.background.chunk({**message, "cursor": cursor})
    if cursor is not None:
        is_noted = platform.background.park(message, cursor, began_at)
        platform.log.line("parked", kind=message["kind"], id=message["id"], cursor=cursor, is_noted=is_noted)
    elif "task" in message:
        platform.tasks.end(message["task"], began_at)
