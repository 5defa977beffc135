"""Moves dead letters back to their queue: ``python -m infra.redrive clean-up --stage dev``.

It uses SQS's StartMessageMoveTask if available; otherwise each message is received, sent and then deleted, and so are
those that such a task does not move: SQS supports it for what queues put into dead letters alone, and EventBridge puts
there what a queue did not take (SQS API reference, StartMessageMoveTask). Both may be
interrupted and repeated: a message may then be sent twice, which every function tolerates, and none is lost.
Credentials come from the shell, the region from the stage's file or the shell.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from chalicelib.kit.clock import Clock, SystemClock
from chalicelib.kit.queues import BATCH_LIMIT, Queue, batches
from infra import aws
from infra.deployment.stagefile import check_stage
from infra.functions import APP_NAME, QUEUES
from infra.further import check_name

Json = dict[str, Any]
Say = Callable[[str], None]

LOOK_SECONDS = 5
"""Seconds between two checks of SQS's progress."""

LOOKS_FOR_OWN = 12
"""How often SQS may show the task before ours as its latest."""

HELD_SECONDS = 120
"""The visibility timeout: a received message that is not deleted comes back after it."""

WAIT_SECONDS = 2
"""Seconds of a long poll, which asks all of SQS's servers; a short one may miss messages."""

_UNKNOWN = frozenset({"InvalidAction", "UnknownOperationException", "AWS.SimpleQueueService.UnsupportedOperation"})
"""SQS's error codes for a missing action."""

_NOT_FOR_THIS = _UNKNOWN | {"InvalidParameterValue"}
"""Its error codes for a queue whose messages it does not move; also for one with a task under way."""

_UNDER_WAY = frozenset({"RUNNING", "CANCELLING"})


class RedriveError(Exception):
    """The command failed or did not finish: repeat it."""


def queue_name(stage: str, queue: Queue, further: str = "") -> str:
    """The queue's name, in the core or in that further stack."""
    return f"{APP_NAME}-{stage}-admin-{further}-{queue}" if further else f"{APP_NAME}-{stage}-{queue}"


def redrive(sqs: Any, name: str, clock: Clock, say: Say) -> int:
    """Move the dead letters of a queue back to it; returns the number of messages.

    Raises `RedriveError` if SQS stops before the end, and for a queue that is not there.
    """
    target, source = (_url(sqs, each) for each in (name, f"{name}-dead"))
    try:
        before = _started(sqs, _arn(sqs, source), _arn(sqs, target))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_FOR_THIS:
            raise
        say("SQS moves no messages here: each is received and sent")
        return by_hand(sqs, source, target)
    task = _ended(sqs, _arn(sqs, source), before, clock, say)
    moved = int(task.get("ApproximateNumberOfMessagesMoved", 0))
    if task["Status"] == "FAILED":
        say(f"SQS stopped moving messages ({task.get('FailureReason', 'no reason')}): each is received and sent")
        return moved + by_hand(sqs, source, target)
    if task["Status"] != "COMPLETED":
        raise RedriveError(f"SQS stopped moving messages: {task['Status']}")
    return moved


def _started(sqs: Any, source: str, target: str) -> int | None:
    """Start a task, unless one is under way; returns the start of the one before it, None without."""
    latest = _latest(sqs, source)
    if latest.get("Status") in _UNDER_WAY:
        return None
    try:
        sqs.start_message_move_task(SourceArn=source, DestinationArn=target)
    except ClientError:
        # SQS takes one task for a queue, and another may have been started since.
        if _latest(sqs, source).get("Status") not in _UNDER_WAY:
            raise
        return None
    return latest.get("StartedTimestamp")


def by_hand(sqs: Any, source: str, target: str) -> int:
    """Move all messages from one queue to another, given by their URLs. A message is deleted only when it was sent."""
    moved = 0
    while received := _receive(sqs, source):
        for batch in batches(received, lambda message: len(message["Body"].encode())):
            _send(sqs, target, batch)
            gone = [{"Id": str(index), "ReceiptHandle": each["ReceiptHandle"]} for index, each in enumerate(batch)]
            failed = sqs.delete_message_batch(QueueUrl=source, Entries=gone).get("Failed", [])
            if failed:
                raise RedriveError(f"{len(failed)} messages were sent and not deleted: they are sent again next time")
            moved += len(batch)
    return moved


def _receive(sqs: Any, source: str) -> list[Json]:
    answer = sqs.receive_message(
        QueueUrl=source,
        MaxNumberOfMessages=BATCH_LIMIT,
        VisibilityTimeout=HELD_SECONDS,
        WaitTimeSeconds=WAIT_SECONDS,
        AttributeNames=["MessageGroupId"],
        MessageAttributeNames=["All"],
    )
    return list(answer.get("Messages", []))


def _send(sqs: Any, target: str, batch: Sequence[Json]) -> None:
    """Send the messages with their attributes (request id) and message groups."""
    entries = []
    for index, each in enumerate(batch):
        group = each.get("Attributes", {}).get("MessageGroupId")
        entries.append(
            {
                "Id": str(index),
                "MessageBody": each["Body"],
                "MessageAttributes": each.get("MessageAttributes", {}),
                **({"MessageGroupId": group} if group else {}),
            }
        )
    if failed := sqs.send_message_batch(QueueUrl=target, Entries=entries).get("Failed"):
        raise RedriveError(f"SQS did not take {len(failed)} of {len(entries)} messages; all stay where they are")


def _url(sqs: Any, name: str) -> str:
    try:
        return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist as error:
        raise RedriveError(f"there is no queue {name} in this account and region") from error


def _arn(sqs: Any, url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def _latest(sqs: Any, arn: str) -> Json:
    """SQS's last move task for that queue; empty if there was none."""
    found: list[Json] = sqs.list_message_move_tasks(SourceArn=arn, MaxResults=1).get("Results", [])
    return found[0] if found else {}


def _ended(sqs: Any, arn: str, before: int | None, clock: Clock, say: Say) -> Json:
    """The end of the task that began after the one that began at ``before``. Raises `RedriveError` if SQS does not show
    it."""
    unseen = 0
    while True:
        task = _latest(sqs, arn)
        is_shown = bool(task) and task.get("StartedTimestamp") != before
        if is_shown and task["Status"] not in _UNDER_WAY:
            return task
        if is_shown:
            moved = task.get("ApproximateNumberOfMessagesMoved", 0)
            say(f"{moved} of about {task.get('ApproximateNumberOfMessagesToMove', '?')} messages are moved")
        else:
            unseen += 1
            if unseen == LOOKS_FOR_OWN:
                raise RedriveError("SQS does not show the task that moves messages: repeat the command")
        clock.sleep(LOOK_SECONDS)


def _check(stage: str, queue: str, further: str) -> None:
    check_stage(stage)
    if further:
        check_name(further)
        if queue != COMMAND_DELIVERY:
            raise ValueError(f"a further stack has no queue {queue}, only {COMMAND_DELIVERY}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: all moved; 1: not all, repeat the command; 2: wrong arguments."""
    parser = argparse.ArgumentParser(prog="python -m infra.redrive", description=__doc__)
    choices = [str(queue) for queue in QUEUES if not queue.is_manual]
    parser.add_argument("queue", choices=choices, metavar="QUEUE", help=f"one of {', '.join(choices)}")
    parser.add_argument("--stage", required=True)
    parser.add_argument("--name", default="", help="of a further stack, whose command-delivery is meant")
    asked = parser.parse_args(arguments)
    try:
        _check(asked.stage, asked.queue, asked.name)
    except ValueError as error:
        print(f"infra.redrive: {error}", file=sys.stderr)
        return 2
    name = queue_name(asked.stage, Queue(asked.queue), asked.name)
    try:
        moved = redrive(aws.client(aws.session_of(asked.stage), "sqs"), name, SystemClock(), print)
    except (ValueError, RedriveError, BotoCoreError, ClientError) as error:
        print(f"infra.redrive: {error}", file=sys.stderr)
        return 1
    print(f"{moved} messages are in {name} again.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
