"""Carries out background work chunk by chunk, for as long as the function may work.

The rest is noted in a row, from which the change stream begins the next message (`kit.tasks`).
"""

from chalicelib.kit.worktime import WorkTime
from chalicelib.platform.wiring import Platform
from chalicelib.platform.workers.entry import Message


def carry_out(message: Message, platform: Platform, time: WorkTime) -> None:
    """Do the work of a message of any kind, from whichever queue it came."""
    began_at = message.get("began_at") or platform.tasks.begin()
    cursor = platform.background.chunk(message)
    while cursor is not None and not time.is_over:
        cursor = platform.background.chunk({**message, "cursor": cursor})
    if cursor is not None:
        is_noted = platform.background.park(message, cursor, began_at)
        platform.log.line("parked", kind=message["kind"], id=message["id"], cursor=cursor, is_noted=is_noted)
    elif "task" in message:
        platform.tasks.end(message["task"], began_at)
