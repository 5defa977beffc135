"""The events' reference: every channel of the AsyncAPI document on one page, without a script."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from chalicelib.web.docs.fields import HEADS, Fields
from chalicelib.web.docs.markup import code, page, preformatted, prose, table

Json = Mapping[str, Any]


def event_reference(document: Json) -> str:
    """The page for an AsyncAPI 3.0 document as `api.asyncapi` makes it."""
    schemas = document["components"]["schemas"]
    fields = Fields(schemas)
    info = document["info"]
    names = "".join(f'<li><a href="#{name}">{escape(name)}</a></li>' for name in document["channels"])
    body = (
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1><p>{prose(info['description'])}</p>"
        f"<nav><ul>{names}</ul></nav>"
        "<h2>Destinations</h2>"
        + "".join(_server(name, server) for name, server in document["servers"].items())
        + "<h2>The envelope</h2>"
        + table("CloudEvent", HEADS, fields.rows(schemas["Envelope"]))
        + "<h2>The events</h2>"
        + "".join(_event(name, document, fields) for name in document["channels"])
    )
    return page(f"{info['title']} {info['version']}", body)


def _server(name: str, server: Json) -> str:
    return f"<p><b>{escape(name)}</b> {code(server['protocol'])}. {prose(server['description'])}</p>"


def _event(name: str, document: Json, fields: Fields) -> str:
    channel = document["channels"][name]
    (reference,) = channel["messages"].values()
    message = document["components"]["messages"][reference["$ref"].rpartition("/")[2]]
    _, specific = message["payload"]["allOf"]
    data = specific["properties"]["data"]
    said = document["components"]["schemas"][data["$ref"].rpartition("/")[2]].get("description", "")
    examples = "".join(
        preformatted(json.dumps(example["payload"], indent=2), "Example") for example in message.get("examples", ())
    )
    return (
        f'<h3 id="{escape(name)}">{code(name)}</h3><p><b>{prose(message["summary"])}</b> {prose(said)}</p>'
        + table("data", HEADS, fields.rows(data))
        + examples
    )
