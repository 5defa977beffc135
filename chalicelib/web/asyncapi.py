"""The published document of the events, built from the shapes that `events.schemas` declares.

``python -m chalicelib.web.asyncapi`` writes it to two places: beside the code that serves it, and docs/.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

from chalicelib.fleet import samples
from chalicelib.fleet.events.schemas import DESCRIPTIONS, EventData, EventDescription
from chalicelib.kit.bus import EVENT_SOURCE
from chalicelib.platform.events.service import SOURCE, catalogue
from chalicelib.web.docs.pages import EVENTS_DOCUMENT
from chalicelib.web.examples import example_of
from chalicelib.web.openapi_schema import Components, to_markdown
from chalicelib.web.version import CONTRACT_VERSION

Schema = dict[str, Any]

PUBLISHED = FilePath("docs/asyncapi.json")
"""The copy for readers, relative to the project's folder; the same bytes as the one that is served."""

_MEDIA_TYPE = "application/cloudevents+json"
_PREFIX = "edge."
_DESCRIPTION = (
    "What happens in the fleet, as [CloudEvents 1.0](https://cloudevents.io) in structured JSON. Every event is put on "
    f"the installation's EventBridge bus (`source` `{EVENT_SOURCE}`, `detail-type` the event's type, `detail` the "
    "envelope) and sent to each webhook that subscribes to its type. Delivery is at least once and in no promised "
    "order: a repeat has the same `id`, and `time` tells what came first."
)
_SERVERS: Schema = {
    "eventBus": {
        "host": "events.{region}.amazonaws.com",
        "protocol": "eventbridge",
        "description": "The bus of the setting EVENT_BUS_NAME, in the account of the installation.",
        "variables": {"region": {"default": "us-east-1"}},
    },
    "webhooks": {
        "host": "{receiver}",
        "protocol": "https",
        "description": "Receivers named by `POST /api/v1/webhooks`. Each request is signed twice: `x-edge-signature` "
        "(HMAC-SHA256 of the body) and the headers of Standard Webhooks, which also cover id and time.",
        "variables": {"receiver": {"description": "Host of the webhook's URL"}},
    },
}


def document() -> dict[str, Any]:
    """The AsyncAPI 3.0 document: one channel, operation and message for each type of the catalogue."""
    described = {event_type.value: description for event_type, description in DESCRIPTIONS.items()}
    types = [(event_type, described[event_type]) for event_type in catalogue()]
    schemas = {"Envelope": _envelope()}
    for _, description in types:
        schemas.update(_schemas_of(description.data))
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Edge Admin, serverless: events",
            "version": CONTRACT_VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": _MEDIA_TYPE,
        "servers": _SERVERS,
        "channels": {name: _channel(name, description.summary) for name, description in types},
        "operations": {
            f"publish_{name.replace('.', '_')}": {
                "action": "send",
                "summary": description.summary,
                "channel": {"$ref": f"#/channels/{name}"},
            }
            for name, description in types
        },
        "components": {
            "messages": {message_name(name): _message(name, description) for name, description in types},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def message_name(event_type: str) -> str:
    """``edge.node.registered`` -> ``nodeRegisteredMessage``, as the contract names its messages."""
    first, *others = event_type.removeprefix(_PREFIX).replace("_", ".").split(".")
    return f"{first}{''.join(other.capitalize() for other in others)}Message"


def _channel(event_type: str, summary: str) -> Schema:
    message = {"$ref": f"#/components/messages/{message_name(event_type)}"}
    return {
        "address": event_type,
        "description": summary,
        "messages": {event_type.removeprefix(_PREFIX): message},
    }


def _message(event_type: str, description: EventDescription) -> Schema:
    data = {"$ref": f"#/components/schemas/{description.data.__name__}"}
    properties = {"type": {"const": event_type}, "data": data}
    return {
        "name": event_type,
        "summary": description.summary,
        "contentType": _MEDIA_TYPE,
        "payload": {"allOf": [{"$ref": "#/components/schemas/Envelope"}, {"properties": properties}]},
        "examples": [{"payload": _example(event_type, description)}],
    }


def _example(event_type: str, description: EventDescription) -> Schema:
    """An event of this type with the data that the fields' own examples make."""
    components = Components()
    reference = components.reference(description.data, "serialization")
    data = example_of(reference, components.schemas) | dict(description.example)
    return {**samples.EVENT, "type": event_type, "data": data}


def _envelope() -> Schema:
    return {
        "type": "object",
        "description": "A CloudEvent; `corename` is an extension attribute.",
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "corename", "data"],
        "properties": {
            "specversion": {"type": "string", "enum": ["1.0"], "description": "Version of CloudEvents."},
            "id": {
                "type": "string",
                "format": "uuid",
                "description": "UUID of the event, the same whenever it is sent again.",
            },
            "source": {"type": "string", "const": SOURCE, "description": "URI of the product."},
            "type": {
                "type": "string",
                "enum": list(catalogue()),
                "description": "The change that happened, and the shape of `data`.",
            },
            "time": {
                "type": "string",
                "format": "date-time",
                "description": "When the change happened, in UTC with microseconds.",
            },
            "datacontenttype": {"type": "string", "const": "application/json", "description": "Format of `data`."},
            "corename": {"type": "string", "description": "Name of the installation (the setting CORE_NAME)."},
            "data": {"type": "object", "description": "The object after the change, by `type`."},
        },
    }


def _schemas_of(model: type[EventData]) -> Iterator[tuple[str, Schema]]:
    written = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
    for name, inner in written.pop("$defs", {}).items():
        yield name, _published(inner)
    yield model.__name__, _published(written)


def _published(schema: Any) -> Any:
    """Without what says nothing to a consumer: names in other words, and that nothing is ever added."""
    if isinstance(schema, list):
        return [_published(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _published(value) for name, value in schema.items() if not _is_noise(name, value)}
    alternatives = kept.get("anyOf", [])
    if isinstance(kept.get("description"), str):
        kept["description"] = to_markdown(kept["description"])
    if len(alternatives) == 2 and {"type": "null"} in alternatives:  # noqa: PLR2004 - a type, and null
        (other,) = (each for each in alternatives if each != {"type": "null"})
        if isinstance(other.get("type"), str):
            del kept["anyOf"]
            kept |= {**other, "type": [other["type"], "null"]}
    return kept


def _is_noise(name: str, value: Any) -> bool:
    return (
        (name == "title" and isinstance(value, str))
        or name == "default"
        or (name, value) == ("additionalProperties", False)
    )


def document_text() -> str:
    """The document as it is committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    """Write both copies."""
    text = document_text()
    for file in (EVENTS_DOCUMENT, PUBLISHED):
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {file}\n")


if __name__ == "__main__":
    write()
