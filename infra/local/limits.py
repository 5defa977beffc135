"""Size limits of AWS that the emulator does not enforce; the local front door and the recorder enforce them.

Sizes are from the quotas of API Gateway, Lambda, SQS and EventBridge. Pure.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.web.page_bytes import LAMBDA_ANSWER_BYTES, encoded_bytes

REQUEST_BYTES = 10 * 1024 * 1024
"""The largest body that API Gateway takes (REST API quotas)."""

FUNCTION_BYTES = LAMBDA_ANSWER_BYTES
"""The largest event, and the largest answer, of a synchronous invocation."""

SOCKET_FRAME_BYTES = 32 * 1024
SOCKET_MESSAGE_BYTES = 128 * 1024
"""WebSocket API quotas. A message above a frame would have to be sent in several, which no sender here does."""

QUEUE_BATCH_BYTES = 256 * 1024
QUEUE_BATCH_ENTRIES = 10
"""One SendMessageBatch, attributes included (SQS quotas)."""

BUS_BYTES = 256 * 1024
BUS_ENTRIES = 10
"""One PutEvents (EventBridge quotas)."""

_TIME_BYTES = 14
"""The bytes that an entry's time counts for (EventBridge user guide, "Calculating PutEvents event entry size")."""


@dataclass(frozen=True)
class TooLarge:
    """A refusal, in the words of the service: HTTP status and error code."""

    status: int
    code: str


def is_function_event(body: bytes, headers: Mapping[str, str], *, is_binary: bool = False) -> bool:
    """Whether a request, as API Gateway passes it on (its body as JSON text inside JSON, a binary one in base64), is
    small enough for Lambda."""
    return _inside_json(b64encode(body) if is_binary else body, headers) <= FUNCTION_BYTES


def is_function_answer(body: bytes, headers: Mapping[str, str], *, is_binary: bool = False) -> bool:
    """Whether an answer with this body is small enough for Lambda. JSON is sent as text by an API with binary
    types too."""
    is_text = not is_binary or headers.get("Content-Type", "").startswith("application/json")
    text = (body if is_text else b64encode(body)).decode("utf-8", "replace")
    return encoded_bytes(text) + _header_bytes(headers) <= FUNCTION_BYTES


def refusal_of(path: str, target: str, body: bytes) -> TooLarge | None:
    """The refusal of an SDK request; None for one that AWS accepts. ``target`` is its X-Amz-Target."""
    if "/@connections/" in path:
        return TooLarge(413, "PayloadTooLargeException") if len(body) > SOCKET_FRAME_BYTES else None
    match target.partition(".")[2]:
        case "SendMessageBatch":
            return batch_refusal(json.loads(body)["Entries"])
        case "PutEvents":
            return bus_refusal(json.loads(body)["Entries"])
        case _:
            return None


def batch_refusal(entries: Iterable[Mapping[str, Any]]) -> TooLarge | None:
    """The error of SQS for a SendMessageBatch that is too large."""
    every = list(entries)
    if len(every) > QUEUE_BATCH_ENTRIES:
        return TooLarge(400, "AWS.SimpleQueueService.TooManyEntriesInBatchRequest")
    size = sum(_utf8(text) for entry in every for text in message_texts(entry))
    return TooLarge(400, "AWS.SimpleQueueService.BatchRequestTooLong") if size > QUEUE_BATCH_BYTES else None


def message_texts(entry: Mapping[str, Any]) -> list[str]:
    """The size of a message in bytes: its body, and name, type and value of each attribute."""
    attributes = (entry.get("MessageAttributes") or {}).items()
    return [
        str(entry["MessageBody"]),
        *(text for name, value in attributes for text in (name, value["DataType"], value["StringValue"])),
    ]


def bus_refusal(entries: Iterable[Mapping[str, Any]]) -> TooLarge | None:
    """The error of EventBridge for a PutEvents that is too large."""
    every = list(entries)
    if len(every) > BUS_ENTRIES:
        return TooLarge(400, "ValidationException")
    texts = (text for entry in every for text in (entry["Source"], entry["DetailType"], entry["Detail"]))
    size = sum(map(_utf8, texts)) + _TIME_BYTES * sum("Time" in entry for entry in every)
    return TooLarge(400, "ValidationException") if size > BUS_BYTES else None


def _inside_json(body: bytes, headers: Mapping[str, str]) -> int:
    return _utf8(json.dumps(body.decode("utf-8", "replace"), ensure_ascii=False)) + _header_bytes(headers)


def _header_bytes(headers: Mapping[str, str]) -> int:
    return sum(_utf8(json.dumps([name, value])) for name, value in headers.items())


def _utf8(text: str) -> int:
    return len(text.encode())
