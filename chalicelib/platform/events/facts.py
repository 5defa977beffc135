"""Internal events as a family gets them: a rule on the bus puts them into a queue of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.kit.queues import Message


@dataclass(frozen=True)
class Fact:
    """Something that happened in another family. The same ``id`` comes again when it is repeated; ``time`` is that of
    the change; facts come in no order."""

    id: str
    type: str
    time: str
    data: Mapping[str, Any]


def fact_in(message: Message) -> Fact:
    """The fact in a message from the bus: the envelope of EventBridge holds ours as its ``detail``. Raises ValueError
    for any other message."""
    detail = message.get("detail")
    if not isinstance(detail, Mapping) or not {"id", "type", "time", "data"} <= detail.keys():
        raise ValueError(f"a message with {sorted(message)} holds no internal event")
    return Fact(str(detail["id"]), str(detail["type"]), str(detail["time"]), detail["data"])
