"""The forms in which a webhook gets its events: the body, its media type, and further signatures. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.kit.queues import to_body


@dataclass(frozen=True)
class Form:
    """``body`` makes the body of an event's envelope: compact JSON with its members in the given order, and without
    escapes that JSON does not need, since receivers may parse it and write it again before they verify a signature.
    ``signature_header`` is the header with a signature by the installation's key for webhooks, "" for none."""

    content_type: str
    body: Callable[[Mapping[str, Any]], bytes]
    signature_header: str = ""


def _whole(envelope: Mapping[str, Any]) -> bytes:
    return to_body(envelope).encode()


def _data_alone(envelope: Mapping[str, Any]) -> bytes:
    return to_body(envelope["data"]).encode()


CLOUD_EVENTS = "cloudevents"
"""The whole envelope."""

SIGNED_DATA = "signed_data"
"""The event's data alone, with a signature that anyone can verify."""

FORMS: Mapping[str, Form] = {
    CLOUD_EVENTS: Form("application/cloudevents+json", _whole),
    SIGNED_DATA: Form("application/json", _data_alone, "x-thunderstack-signature"),
}
"""The forms by the names that webhooks have in their rows."""
