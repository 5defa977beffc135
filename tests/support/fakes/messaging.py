"""SQS, EventBridge and the socket API as the application sees them, recorded in memory."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.kit.bus import INTERNAL_SOURCE
from chalicelib.kit.queues import Queue
from infra.local.limits import SOCKET_FRAME_BYTES, batch_refusal, bus_refusal, message_texts

QUEUE_URL_PREFIX = "http://queues.test/"


_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that no message may contain (SQS API reference, SendMessageBatch)."""


class FakeSqs:
    """Takes batches and keeps them by queue; refuses what SQS refuses. ``refuse_next`` makes the next batch report all
    entries as failed, ``gone`` are names of queues that do not exist. A delayed message stays in ``delayed`` until
    `release_delayed`."""

    def __init__(self) -> None:
        self.sent: dict[str, list[dict[str, Any]]] = {}
        self.delayed: dict[str, list[dict[str, Any]]] = {}
        self.batches: list[int] = []
        self.refuse_next = False
        self.gone: set[str] = set()
        self.fails_with: str | None = None
        self.asked_about: list[str] = []
        self.before_send: Callable[[], None] | None = None

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> Any:
        if self.before_send is not None:
            self.before_send()
        if self.refuse_next:
            self.refuse_next = False
            return {"Failed": [{"Id": entry["Id"]} for entry in Entries]}
        _check_batch(Entries)
        name = QueueUrl.rsplit("/", 1)[1]
        if name in self.gone:
            raise _refused("QueueDoesNotExist")
        self.batches.append(len(Entries))
        for entry in Entries:
            kept = self.delayed if entry.get("DelaySeconds") else self.sent
            kept.setdefault(name, []).append(entry)
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[Any]) -> Any:
        """Nothing is ever in flight here. A queue of dead letters holds what a test puts into ``sent``."""
        if self.fails_with is not None:
            raise ClientError({"Error": {"Code": self.fails_with, "Message": "no"}}, "GetQueueAttributes")
        self.asked_about.append(QueueUrl)
        name = QueueUrl.rsplit("/", 1)[1]
        every = {
            "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{name}",
            "ApproximateNumberOfMessages": str(len(self.sent.get(name, []))),
            "ApproximateNumberOfMessagesDelayed": str(len(self.delayed.get(name, []))),
            "ApproximateNumberOfMessagesNotVisible": "0",
        }
        return {"Attributes": {asked: every[asked] for asked in AttributeNames}}

    def bodies(self, queue: Queue) -> list[Any]:
        """The messages sent to a queue so far, oldest first."""
        return [json.loads(entry["MessageBody"]) for entry in self.sent.get(queue, [])]

    def take(self, queue: Queue) -> list[Any]:
        """`bodies`, and the queue is empty afterwards."""
        bodies = self.bodies(queue)
        self.sent.pop(queue, None)
        return bodies

    def release_delayed(self) -> None:
        """The delays of all messages are over."""
        for name, entries in self.delayed.items():
            self.sent.setdefault(name, []).extend(entries)
        self.delayed = {}


def _check_batch(entries: Sequence[Any]) -> None:
    """Raises `ClientError` as SQS does for an invalid batch."""
    if any(_FORBIDDEN.search(text) for entry in entries for text in message_texts(entry)):
        raise _refused("InvalidMessageContents")
    if (too_large := batch_refusal(entries)) is not None:
        raise _refused(too_large.code)


def _refused(code: str, operation: str = "SendMessageBatch") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


class FakeBus:
    """Takes entries, and refuses what EventBridge refuses for its size. ``refuse_next`` makes the next call report one
    as failed."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.refuse_next = False

    def put_events(self, *, Entries: Sequence[Any]) -> Any:
        if self.refuse_next:
            self.refuse_next = False
            return {"FailedEntryCount": 1, "Entries": []}
        if (too_large := bus_refusal(Entries)) is not None:
            raise _refused(too_large.code, "PutEvents")
        self.entries.extend(Entries)
        return {"FailedEntryCount": 0, "Entries": []}

    @property
    def envelopes(self) -> list[Any]:
        """The published ones: what subscribers outside get. Those between families are in ``entries`` too."""
        return [json.loads(entry["Detail"]) for entry in self.entries if entry.get("Source") != INTERNAL_SOURCE]


class FakeSocketApi:
    """Open sockets by id with the frames that they got. Posting to any other is answered 410. ``after_post`` plays an
    agent that acts on a frame at once."""

    def __init__(self, *open_ids: str) -> None:
        self.frames: dict[str, list[Any]] = {connection_id: [] for connection_id in open_ids}
        self.closed: list[str] = []
        self.fails_with: str | None = None
        self.after_post: Callable[[Any], None] | None = None

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> Any:
        self._check(ConnectionId)
        if len(Data) > SOCKET_FRAME_BYTES:
            raise _refused("PayloadTooLargeException", "PostToConnection")
        frame = json.loads(Data)
        self.frames[ConnectionId].append(frame)
        if self.after_post is not None:
            self.after_post(frame)

    def delete_connection(self, *, ConnectionId: str) -> Any:
        self._check(ConnectionId)
        del self.frames[ConnectionId]
        self.closed.append(ConnectionId)

    def _check(self, connection_id: str) -> None:
        if self.fails_with is not None:
            raise ClientError({"Error": {"Code": self.fails_with, "Message": "no"}}, "PostToConnection")
        if connection_id not in self.frames:
            raise ClientError({"Error": {"Code": "GoneException", "Message": "gone"}}, "PostToConnection")
