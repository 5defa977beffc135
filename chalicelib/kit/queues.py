"""Sends messages to SQS: ids, never state. Delivery is at least once and unordered, so every consumer is idempotent."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.kit.origin import current_origin

T = TypeVar("T")

BATCH_LIMIT = 10
"""Entries in one SendMessageBatch (SQS API reference)."""

BATCH_BYTES = 200 * 1024
"""Bytes of bodies in one SendMessageBatch. SQS accepts 256 KiB including attributes; the rest is left for those."""

LONGEST_DELAY_SECONDS = 900
"""The longest DelaySeconds (SQS API reference). Emulators accept more; AWS does not."""

A_MOMENT = 1
"""Seconds: the shortest delay, which needs no allowance in the alarm of a queue."""

Message = Mapping[str, Any]


class Queue(str):
    """The name of a queue, as it is deployed behind the name of the application and the stage.

    ``grouped_by`` is the field of its messages that tells whose they are: where one group has a backlog, SQS hands out
    the messages of the others first (SQS developer guide, "Amazon SQS fair queues"). A queue that ``is_manual`` is read
    by people; each of the others has a consumer, and dead letters in the queue `dead_letters`. Messages of a
    queue that ``is_delayed`` may be sent for later than `A_MOMENT`.
    """

    __slots__ = ("grouped_by", "is_delayed", "is_manual")

    grouped_by: str | None
    is_manual: bool
    is_delayed: bool

    def __new__(
        cls, name: str, *, grouped_by: str | None = None, is_manual: bool = False, is_delayed: bool = False
    ) -> Self:
        queue = super().__new__(cls, name)
        queue.is_delayed = is_delayed
        queue.grouped_by = grouped_by
        queue.is_manual = is_manual
        return queue

    @property
    def dead_letters(self) -> str | None:
        """The name of the queue of its dead letters; None for a manual queue."""
        return None if self.is_manual else f"{self}-dead"


_DEPTHS_AT_ONCE = 8
_COUNTED = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
)


class Traced(dict[str, Any]):
    """A message that belongs to another request than the current one. It carries that request's id."""

    def __init__(self, message: Message, request_id: str) -> None:
        super().__init__(message)
        self.request_id = request_id


class QueueError(Exception):
    """SQS did not accept some messages of a batch. It is not known which: send all of them again."""


class QueueUnavailableError(Exception):
    """SQS did not answer."""


@dataclass(frozen=True)
class Depth:
    """The messages of a queue by state, as SQS estimates them. ``dead``: messages in its dead-letter queue."""

    waiting: int
    delayed: int
    in_flight: int
    dead: int


class QueueClient(Protocol):
    """The part of boto3's SQS client that is used."""

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> Any: ...  # noqa: N803 - boto3's names

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[Any]) -> Any: ...  # noqa: N803


class Queues:
    """Sends JSON messages. Each carries a request id as an attribute: that of the current work, or of a `Traced`
    message."""

    def __init__(self, client: QueueClient, url_prefix: str) -> None:
        """``url_prefix`` stands before the name of every queue in its URL."""
        self._client = client
        self._url_prefix = url_prefix

    def send(
        self,
        queue: Queue,
        messages: Sequence[Message],
        *,
        request_id: str | None = None,
        delay_seconds: int = 0,
    ) -> None:
        """Send all messages, in as few calls as possible. Raises `QueueError` if SQS does not accept one."""
        if not 0 <= delay_seconds <= LONGEST_DELAY_SECONDS:
            raise ValueError(f"a delay is 0 to {LONGEST_DELAY_SECONDS} seconds, not {delay_seconds}")
        self._send(self.url_of(queue), messages, request_id, delay_seconds, queue.grouped_by)

    def url_of(self, queue: Queue) -> str:
        return f"{self._url_prefix}{queue}"

    def hand_over(self, url: str, messages: Sequence[Message], *, request_id: str | None = None) -> None:
        """Send all messages to a queue of another stack. Raises `QueueError` if SQS does not accept one, cannot be
        reached, or the queue is gone."""
        try:
            self._send(url, messages, request_id)
        except (ClientError, BotoCoreError) as error:
            raise QueueError(f"{_name_of(url)}: {type(error).__name__}") from error

    def _send(
        self,
        url: str,
        messages: Sequence[Message],
        request_id: str | None,
        delay_seconds: int = 0,
        group_by: str | None = None,
    ) -> None:
        trace = request_id or current_origin().request_id or "none"
        every = [
            ({"MessageGroupId": message[group_by]} if group_by else {})
            | {
                "MessageBody": to_body(message),
                "DelaySeconds": delay_seconds,
                "MessageAttributes": _traced(message, trace),
            }
            for message in messages
        ]
        for batch in batches(every, lambda entry: _utf8_bytes(entry["MessageBody"])):
            entries = [{"Id": str(index), **entry} for index, entry in enumerate(batch)]
            answer = self._client.send_message_batch(QueueUrl=url, Entries=entries)
            if answer.get("Failed"):
                raise QueueError(f"{_name_of(url)}: {len(answer['Failed'])} of {len(entries)} messages were not taken")

    def check(self, queue: Queue) -> None:
        """Check that SQS can be reached, by reading an attribute of a queue. Passes on the client's errors."""
        self._client.get_queue_attributes(QueueUrl=self.url_of(queue), AttributeNames=["QueueArn"])

    def depths(self, queues: Sequence[Queue]) -> dict[Queue, Depth]:
        """The number of messages in these queues: one call each, and one for its dead letters, some in parallel. Raises
        `QueueUnavailableError`."""
        urls = {queue: self.url_of(queue) for queue in queues}
        dead_urls = {queue: f"{urls[queue]}-dead" for queue in queues if not queue.is_manual}
        with ThreadPoolExecutor(max_workers=_DEPTHS_AT_ONCE) as pool:
            counts = dict(zip(urls, pool.map(self._count, urls.values()), strict=True))
            dead_counts = dict(zip(dead_urls, pool.map(self._count, dead_urls.values()), strict=True))
        return {queue: Depth(*count, dead=sum(dead_counts.get(queue, ()))) for queue, count in counts.items()}

    def _count(self, url: str) -> tuple[int, int, int]:
        """The numbers of waiting, delayed and in-flight messages."""
        try:
            answer = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTED)
        except (ClientError, BotoCoreError) as error:
            raise QueueUnavailableError(type(error).__name__) from error
        waiting, delayed, in_flight = (int(answer["Attributes"][name]) for name in _COUNTED)
        return waiting, delayed, in_flight


def _traced(message: Message, trace: str) -> dict[str, Any]:
    """The attributes of a message: the id of its request."""
    own = message.request_id if isinstance(message, Traced) else ""
    return {"request_id": {"DataType": "String", "StringValue": own or trace}}


def to_body(message: Any) -> str:
    """Compact JSON, as it is counted and sent. Characters are not escaped (an escape takes up to three times the
    bytes), except two that are valid in JSON and refused by SQS."""
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def body_bytes(message: Any) -> int:
    """The bytes of a message, or of a part of one, that count against `BATCH_BYTES`."""
    return _utf8_bytes(to_body(message))


def batches(
    entries: Iterable[T],
    bytes_of: Callable[[T], int],
    *,
    most_entries: int = BATCH_LIMIT,
    most_bytes: int = BATCH_BYTES,
) -> Iterator[list[T]]:
    """Split entries into batches by number and bytes. An entry larger than ``most_bytes`` gets a batch of its own."""
    batch: list[T] = []
    size = 0
    for entry in entries:
        length = bytes_of(entry)
        if batch and (len(batch) == most_entries or size + length > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def _name_of(url: str) -> str:
    return url.rpartition("/")[2]


def _utf8_bytes(text: str) -> int:
    return len(text.encode())
