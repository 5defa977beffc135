"""Messages to SQS: ids, never state. Delivery is at least once and in no order, so every consumer is idempotent."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from chalicelib.kit.origin import current_origin

T = TypeVar("T")

BATCH_LIMIT = 10
"""Entries in one SendMessageBatch (SQS API reference)."""

BATCH_BYTES = 200 * 1024
"""Bytes in one SendMessageBatch. SQS takes 256 KiB with the attributes; the rest is kept for those."""

LONGEST_DELAY_SECONDS = 900
"""The longest DelaySeconds (SQS API reference). Emulators take more; AWS does not."""

Message = Mapping[str, Any]


class Queue(StrEnum):
    """Every queue of the application. Each has a dead-letter queue named ``{value}-dead``."""

    EXECUTION_CREATION = "execution-creation"
    COMMAND_DELIVERY = "command-delivery"
    CLEAN_UP = "clean-up"
    EVENTS = "events"
    RELAY_FAILURES = "relay-failures"


class QueueError(Exception):
    """Some messages of a batch were not taken. Nothing says which were: send all of them again."""


class QueueClient(Protocol):
    """The part of boto3's SQS client that is used."""

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Any]) -> Any: ...  # noqa: N803 - boto3's names

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[Any]) -> Any: ...  # noqa: N803


class Queues:
    """Sends JSON messages. The request id of the work under way travels as a message attribute."""

    def __init__(self, client: QueueClient, urls: Mapping[str, str]) -> None:
        self._client = client
        self._urls = urls

    def send(
        self, queue: Queue, messages: Sequence[Message], *, request_id: str | None = None, delay_seconds: int = 0
    ) -> None:
        """Send all messages, in as few calls as entries and bytes allow. Raises `QueueError` when one is not taken."""
        if not 0 <= delay_seconds <= LONGEST_DELAY_SECONDS:
            raise ValueError(f"a delay is 0 to {LONGEST_DELAY_SECONDS} seconds, not {delay_seconds}")
        trace = request_id or current_origin().request_id or "none"
        for bodies in batches([to_body(message) for message in messages], _utf8_bytes):
            entries = [
                {
                    "Id": str(place),
                    "MessageBody": body,
                    "DelaySeconds": delay_seconds,
                    "MessageAttributes": {"request_id": {"DataType": "String", "StringValue": trace}},
                }
                for place, body in enumerate(bodies)
            ]
            answer = self._client.send_message_batch(QueueUrl=self._urls[queue], Entries=entries)
            if answer.get("Failed"):
                raise QueueError(f"{queue.value}: {len(answer['Failed'])} of {len(entries)} messages were not taken")

    def check(self) -> None:
        """Ask one queue for an attribute: raises what the client raises when SQS cannot be reached."""
        self._client.get_queue_attributes(QueueUrl=self._urls[Queue.EVENTS], AttributeNames=["QueueArn"])


def to_body(message: Message) -> str:
    """Compact JSON, as it is counted and sent. UTF-8 as it is (an escape would take up to three times the bytes), but
    for the two characters that JSON knows and SQS refuses."""
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def body_bytes(message: Message) -> int:
    """What a message counts against `BATCH_BYTES`."""
    return _utf8_bytes(to_body(message))


def batches(
    entries: Iterable[T],
    bytes_of: Callable[[T], int],
    *,
    most_entries: int = BATCH_LIMIT,
    most_bytes: int = BATCH_BYTES,
) -> Iterator[list[T]]:
    """Cut by entries and by bytes. An entry that is larger than ``most_bytes`` goes alone."""
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


def _utf8_bytes(text: str) -> int:
    return len(text.encode())
