"""The published document of a family's events, built from the shapes that the family declares.

``python -m chalicelib.web.asyncapi`` writes it to two places: beside the code that serves it, and docs/.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from pydantic import BaseModel

from chalicelib import families
from chalicelib.web.api import DOCS, Api
from chalicelib.web.description import LICENSE, EventsDescription, PublishedEvent
from chalicelib.web.examples import example_of
from chalicelib.web.openapi_schema import Components, Schema, to_markdown

_MEDIA_TYPE = "application/cloudevents+json"


def document(described: EventsDescription) -> dict[str, Any]:
    """The AsyncAPI 3.0 document: one channel, operation and message for each type of the catalogue."""
    schemas = {"Envelope": _envelope(described)}
    for event in described.events.values():
        schemas.update(_schemas_of(event.data))
    names = {name: message_name(name, described.prefix) for name in described.events}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": described.title,
            "version": described.version,
            "description": described.text,
            "license": LICENSE,
        },
        "defaultContentType": _MEDIA_TYPE,
        "servers": described.servers,
        "channels": {
            name: _channel(name, names[name], name.removeprefix(described.prefix), event.summary)
            for name, event in described.events.items()
        },
        "operations": {
            f"publish_{name.replace('.', '_')}": {
                "action": "send",
                "summary": event.summary,
                "channel": {"$ref": f"#/channels/{name}"},
            }
            for name, event in described.events.items()
        },
        "components": {
            "messages": {
                names[name]: _message(name, event, described.example) for name, event in described.events.items()
            },
            "schemas": dict(sorted(schemas.items())),
        },
    }


def message_name(event_type: str, prefix: str) -> str:
    """The name of a type's message: ``edge.thing.made`` -> ``thingMadeMessage`` without the prefix ``edge.``."""
    first, *others = event_type.removeprefix(prefix).replace("_", ".").split(".")
    return f"{first}{''.join(other.capitalize() for other in others)}Message"


def _channel(event_type: str, message_name: str, short_type: str, summary: str) -> Schema:
    message = {"$ref": f"#/components/messages/{message_name}"}
    return {
        "address": event_type,
        "description": summary,
        "messages": {short_type: message},
    }


def _message(event_type: str, event: PublishedEvent, envelope: Mapping[str, Any]) -> Schema:
    data = {"$ref": f"#/components/schemas/{event.data.__name__}"}
    properties = {"type": {"const": event_type}, "data": data}
    return {
        "name": event_type,
        "summary": event.summary,
        "contentType": _MEDIA_TYPE,
        "payload": {"allOf": [{"$ref": "#/components/schemas/Envelope"}, {"properties": properties}]},
        "examples": [{"payload": {**envelope, "type": event_type, "data": _example(event)}}],
    }


def _example(event: PublishedEvent) -> Schema:
    """The data of an event, composed from the examples of its fields."""
    components = Components()
    composed: Schema = example_of(components.reference(event.data, "serialization"), components.schemas)
    return composed | dict(event.example)


def _envelope(described: EventsDescription) -> Schema:
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
            "source": {"type": "string", "const": described.source, "description": "URI of the product."},
            "type": {
                "type": "string",
                "enum": list(described.events),
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


def _schemas_of(model: type[BaseModel]) -> Iterator[tuple[str, Schema]]:
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
            if "enum" in other:
                kept["enum"] = [*other["enum"], None]
    return kept


def _is_noise(name: str, value: Any) -> bool:
    return (
        (name == "title" and isinstance(value, str))
        or name == "default"
        or (name, value) == ("additionalProperties", False)
    )


def document_text(api: Api) -> str:
    """The document of an API's events, as it is committed."""
    return json.dumps(document(api.describe_events()), indent=2, ensure_ascii=False) + "\n"


def generated(api: Api) -> dict[FilePath, str]:
    """Both copies of the document of an API's events; none for an API without events."""
    return dict.fromkeys((api.events_document, DOCS / api.published_events), document_text(api)) if api.events else {}


def main() -> None:
    """Write the documents of every API."""
    for api in families.every_api():
        for file, text in generated(api).items():
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {file}\n")


if __name__ == "__main__":
    main()
