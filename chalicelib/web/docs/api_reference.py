"""The API's reference: every operation of the OpenAPI document on one page.

It reads without a script, each operation closed until it is opened; the script adds a filter and opens what a link
names.
"""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from chalicelib.web.docs.fields import HEADS, Fields
from chalicelib.web.docs.markup import code, page, preformatted, prose, table

Json = Mapping[str, Any]
Operations = list[tuple[str, str, Json]]
"""Method, path and operation."""

_FIRST_ERROR = 400


def api_reference(document: Json) -> str:
    """The page for an OpenAPI 3.0 document as `api.openapi` makes it."""
    schemas = document["components"]["schemas"]
    by_tag: dict[str, Operations] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append((method.upper(), path, operation))
    described = {tag["name"]: tag.get("description", "") for tag in document["tags"]}
    info = document["info"]
    reference = _Reference(Fields(schemas), schemas)
    sections = "".join(
        f'<section><h2 id="{_anchor(tag)}">{escape(tag)}</h2><p>{prose(described[tag])}</p>'
        + "".join(reference.operation(*each) for each in operations)
        + "</section>"
        for tag, operations in by_tag.items()
    )
    title = f"{info['title']} {info['version']}"
    body = f"<h1>{escape(title)}</h1><p>{prose(info['description'])}</p>{_FILTER}{_contents(by_tag)}{sections}"
    return page(f"{title}: API reference", body, scripts=("reference.js",))


_FILTER = (
    '<p class="filter" hidden><label for="filter">Find an operation</label>'
    '<input id="filter" type="search" placeholder="path, name or word" autocomplete="off">'
    '<output for="filter" aria-live="polite"></output></p>'
)
"""Shown by the script."""


def _anchor(tag: str) -> str:
    return f"tag-{tag.lower().replace(' ', '-').replace('.', '-')}"


def _contents(by_tag: Mapping[str, Operations]) -> str:
    lines = "".join(f'<li><a href="#{_anchor(tag)}">{escape(tag)}</a></li>' for tag in by_tag)
    return f'<nav aria-label="Groups of operations"><ul>{lines}</ul></nav>'


class _Reference:
    """Renders operations as HTML."""

    def __init__(self, fields: Fields, schemas: Json) -> None:
        self._fields = fields
        self._schemas = schemas

    def operation(self, method: str, path: str, operation: Json) -> str:
        """Closed: method, path and summary. Opened: all that it takes and answers."""
        name = operation["operationId"]
        return (
            f'<details id="{name}"><summary><h3><span class="method">{method}</span> {code(path)}</h3> '
            f"{escape(operation['summary'])}</summary>"
            f"<p>{prose(operation.get('description', ''))}</p>"
            f'<p class="muted">{_audience(operation)}. <a href="#{name}">Link to this</a></p>'
            + table("Parameters", ("Name", "Type", "Meaning"), self._parameters(operation))
            + self._body(operation)
            + "".join(self._answers(operation))
            + "</details>"
        )

    def _parameters(self, operation: Json) -> Iterator[tuple[str, str, str]]:
        for parameter in operation["parameters"]:
            location = f"{parameter['in']}{', required' if parameter['required'] else ''}"
            meaning = prose(f"{location}. {parameter.get('description', '')}")
            yield code(parameter["name"]), prose(self._fields.type_of(parameter["schema"])), meaning

    def _body(self, operation: Json) -> str:
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return ""
        schema = content["schema"]
        described = self._resolved(schema).get("description", "")
        return (
            f"<p>{prose(described)}</p>"
            + table("Body", HEADS, self._fields.rows(schema))
            + _example(content, "Example of a body")
        )

    def _answers(self, operation: Json) -> Iterator[str]:
        refusals = []
        for status, response in operation["responses"].items():
            title = f"{status} {escape(response['description'])}"
            if int(status) >= _FIRST_ERROR:
                refusals.append(title)
                continue
            for media_type, content in response.get("content", {}).items():
                caption = title if media_type == "application/json" else f"{title}: {escape(media_type)}"
                rows = self._fields.rows(_data(content["schema"]))
                yield table(caption, HEADS, rows) or f"<p><b>{caption}</b></p>"
                yield _example(content, "Example of an answer")
            if "content" not in response:
                yield f"<p><b>{title}</b></p>"
        yield f'<p class="muted">Also {", ".join(refusals)}</p>'

    def _resolved(self, schema: Json) -> Json:
        if "$ref" not in schema:
            return schema
        found: Json = self._schemas[schema["$ref"].rpartition("/")[2]]
        return found


def _audience(operation: Json) -> str:
    needed = [name for alternative in operation["security"] for name in alternative]
    return f"Bearer: {', '.join(code(name) for name in needed)}" if needed else "Open to anyone"


def _example(content: Json, title: str) -> str:
    if "example" not in content:
        return ""
    example = content["example"]
    return preformatted(example if isinstance(example, str) else json.dumps(example, indent=2), title)


def _data(schema: Json) -> Json:
    """The schema inside the envelope; ``meta`` is the same everywhere."""
    properties = schema.get("properties", {})
    return (
        {"type": "object", "properties": {"data": properties["data"]}} if {*properties} == {"data", "meta"} else schema
    )
