"""The API's reference: every operation of the OpenAPI document on one page, without a script."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from chalicelib.api.docs.fields import HEADS, Fields
from chalicelib.api.docs.markup import code, links, page, prose, table

Json = Mapping[str, Any]
_FIRST_ERROR = 400


def api_reference(document: Json) -> str:
    """The page for an OpenAPI 3.0 document as `api.openapi` makes it."""
    fields = Fields(document["components"]["schemas"])
    by_tag: dict[str, list[tuple[str, str, Json]]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            by_tag[operation["tags"][0]].append((method.upper(), path, operation))
    described = {tag["name"]: tag.get("description", "") for tag in document["tags"]}
    info = document["info"]
    sections = "".join(
        f"<h2>{escape(tag)}</h2><p>{prose(described[tag])}</p>"
        + "".join(_operation(method, path, operation, fields) for method, path, operation in operations)
        for tag, operations in by_tag.items()
    )
    title = f"{info['title']} {info['version']}"
    body = f"{links()}<h1>{escape(title)}</h1><p>{prose(info['description'])}</p>{_contents(by_tag)}{sections}"
    return page(f"{title}: API reference", body)


def _contents(by_tag: Mapping[str, list[tuple[str, str, Json]]]) -> str:
    lines = "".join(
        f"<li><b>{escape(tag)}</b></li>"
        + "".join(f'<li><a href="#{op["operationId"]}">{escape(op["summary"])}</a></li>' for _, _, op in operations)
        for tag, operations in by_tag.items()
    )
    return f"<nav><ul>{lines}</ul></nav>"


def _operation(method: str, path: str, operation: Json, fields: Fields) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    parameters = (
        (
            code(parameter["name"]),
            prose(fields.type_of(parameter["schema"])),
            prose(
                f"{parameter['in']}{', required' if parameter['required'] else ''}. {parameter.get('description', '')}"
            ),
        )
        for parameter in operation["parameters"]
    )
    return (
        f'<h3 id="{operation["operationId"]}"><span class="method">{method}</span> {code(path)}</h3>'
        f"<p><b>{escape(operation['summary'])}.</b> {prose(operation.get('description', ''))}</p>"
        f'<p class="muted">{_audience(operation)}</p>'
        + table("Parameters", ("Name", "Type", ""), parameters)
        + (table("Body", HEADS, fields.rows(content["schema"])) if content else "")
        + "".join(_answers(operation, fields))
    )


def _audience(operation: Json) -> str:
    needed = [name for alternative in operation["security"] for name in alternative]
    return f"Bearer: {', '.join(code(name) for name in needed)}" if needed else "Open to anyone"


def _answers(operation: Json, fields: Fields) -> Iterator[str]:
    refusals = []
    for status, response in operation["responses"].items():
        title = f"{status} {escape(response['description'])}"
        if int(status) >= _FIRST_ERROR:
            refusals.append(title)
            continue
        for media_type, content in response.get("content", {}).items():
            caption = title if media_type == "application/json" else f"{title}: {escape(media_type)}"
            yield table(caption, HEADS, fields.rows(_data(content["schema"]))) or f"<p><b>{caption}</b></p>"
        if "content" not in response:
            yield f"<p><b>{title}</b></p>"
    yield f'<p class="muted">Also {", ".join(refusals)}</p>'


def _data(schema: Json) -> Json:
    """What is inside the envelope; its ``meta`` is the same everywhere."""
    properties = schema.get("properties", {})
    return (
        {"type": "object", "properties": {"data": properties["data"]}} if {*properties} == {"data", "meta"} else schema
    )
