"""The published documents (OpenAPI, AsyncAPI): every operation and field is described, every body has a valid example.

The documents are generated from the models, so a finding is mended where the model or the route stands.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from jsonschema.protocols import Validator

from infra.house.findings import Finding
from infra.house.repeats import repeats

Json = dict[str, Any]

FOLDER: Final = "chalicelib"
METHODS: Final = ("get", "put", "post", "delete", "patch", "head", "options")

SHARED: Mapping[str, str] = {}
"""Why fields of different names or schemas may have this description."""


@dataclass(frozen=True)
class Document:
    """A generated document. ``path`` is relative to the repository's root."""

    path: str
    text: str

    @cached_property
    def json(self) -> Json:
        loaded: Json = json.loads(self.text)
        return loaded

    def line_of(self, text: str) -> int:
        """The line in which ``text`` first stands, else 1."""
        position = self.text.find(text)
        return 1 if position < 0 else self.text.count("\n", 0, position) + 1

    def resolved(self, node: Json) -> Json:
        """Follows a ``$ref`` within the document; any other node is returned as it is."""
        while (reference := node.get("$ref")) is not None:
            target: Any = self.json
            for part in reference.removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            node = target
        return node

    def finding(self, rule: str, near: str, wrong: str, instead: str) -> Finding:
        return Finding(self.path, self.line_of(near), rule, wrong, instead)


@dataclass(frozen=True)
class Operation:
    name: str
    """Method and path."""
    near: str
    """A text of the document by which the operation is found."""
    node: Json


@dataclass(frozen=True)
class Field:
    owner: str
    """The schema or the operation that has it."""
    near: str
    name: str
    node: Json
    """The schema of the field, or a parameter."""


def read(root: Path) -> list[Document]:
    """The OpenAPI and AsyncAPI documents that the functions carry."""
    found = []
    for path in sorted((root / FOLDER).rglob("*api*.json")):
        document = Document(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
        if {"openapi", "asyncapi"} & document.json.keys():
            found.append(document)
    return found


def operations(document: Document) -> Iterator[Operation]:
    """The operations of an OpenAPI document."""
    for path, item in document.json.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                node = item[method]
                near = f'"operationId": "{node["operationId"]}"' if "operationId" in node else f'"{path}": '
                yield Operation(f"{method.upper()} {path}", near, node)


def fields(document: Document) -> Iterator[Field]:
    """The parameters of all operations, and the properties of all schemas, also of those that stand in an operation."""
    for operation in operations(document):
        for each in operation.node.get("parameters", []):
            parameter = document.resolved(each)
            yield Field(operation.name, operation.near, f"{parameter['name']}", parameter)
        parts = {key: value for key, value in operation.node.items() if key in {"requestBody", "responses"}}
        yield from _properties(operation.name, operation.near, parts)
    components = document.json.get("components", {})
    for name, schema in components.get("schemas", {}).items():
        yield from _properties(name, f'"{name}": ', schema)
    for name, message in components.get("messages", {}).items():
        yield from _properties(name, f'"{name}": ', message.get("payload", {}))


def _properties(owner: str, near: str, node: Any) -> Iterator[Field]:
    if isinstance(node, list):
        for each in node:
            yield from _properties(owner, near, each)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in {"example", "examples", "default", "const", "enum"}:
            continue
        if key == "properties":
            for name, schema in value.items():
                if "const" not in schema:
                    yield Field(owner, near, name, schema)
                yield from _properties(f"{owner}.{name}", near, schema)
        else:
            yield from _properties(owner, near, value)


def find_operations(document: Document) -> Iterator[Finding]:
    for each in operations(document):
        for part, instead in (
            ("summary", "write one line that says what the operation does"),
            ("description", "the view's docstring becomes the description: effects, limits, when which error"),
        ):
            if not (text := each.node.get(part)):
                yield document.finding("api-operation", each.near, f"{each.name} has no {part}", instead)
            elif repeats(text, each.node.get("operationId", "")) and part == "description":
                wrong = f"the description of {each.name} only repeats its name"
                yield document.finding("api-operation", each.near, wrong, instead)


def find_fields(document: Document) -> Iterator[Finding]:
    """A field without a description takes that of the schema that it refers to."""
    for each in fields(document):
        text = each.node.get("description") or _inherited(document, each.node)
        if not text:
            wrong = f"the field {each.name} of {each.owner} has no description"
            yield document.finding("api-field", each.near, wrong, "say what it is, with unit and bounds")
        elif repeats(text, each.name):
            wrong = f"the description of {each.name} of {each.owner} only repeats its name: {text!r}"
            yield document.finding("api-field", each.near, wrong, "say what the name does not")


def _inherited(document: Document, node: Json) -> str:
    if "$ref" in node:
        return str(document.resolved(node).get("description", ""))
    parts = [document.resolved(part) for key in ("allOf", "anyOf", "oneOf") for part in node.get(key, [])]
    return next((part["description"] for part in parts if part.get("description")), "")


def find_shared(document: Document, reasons: Mapping[str, str] = SHARED) -> Iterator[Finding]:
    """The same text may describe fields of the same name and the same JSON type only. ``reasons`` as `SHARED`."""
    described: dict[str, dict[tuple[str, str], Field]] = defaultdict(dict)
    for each in fields(document):
        if text := each.node.get("description"):
            described[text].setdefault((each.name, _kind(each.node)), each)
    for text, by_meaning in described.items():
        if len(by_meaning) > 1 and text not in reasons:
            one, *others = by_meaning.values()
            for other in others:
                wrong = f"{other.owner}.{other.name} and {one.owner}.{one.name} share the description {text!r}"
                instead = "say what tells them apart, or give the reason in infra/house/documents.py"
                yield document.finding("api-shared", other.near, wrong, instead)
    for text in reasons.keys() - {text for text, by_meaning in described.items() if len(by_meaning) > 1}:
        wrong = f"no two fields share the description {text!r} any more"
        yield document.finding("api-shared", text, wrong, "remove it from SHARED in infra/house/documents.py")


def _kind(node: Json) -> str:
    """The JSON types of a field. Bounds do not matter: a request has them where the answer needs none."""
    schema = node.get("schema", node)
    branches = [schema, *schema.get("anyOf", [])]
    kinds = {kind for each in branches for kind in _listed(each.get("type", []))}
    return ", ".join(sorted(kinds - {"null"}))


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def find_examples(document: Document) -> Iterator[Finding]:
    """Every body of a request, of a success and of an event has an example, and it is valid."""
    for owner, near, media in _bodies(document):
        schema: Json = media["schema"] if "schema" in media else media.get("payload", {})
        values = list(_examples(document, media, schema))
        if not values:
            yield document.finding("api-example", near, f"{owner} has no example", "give one of everyday values")
        for value in values:
            error = next(_validator(document, schema).iter_errors(value), None)
            if error is not None:
                where = "/".join(map(str, error.absolute_path)) or "the example"
                wrong = f"the example of {owner} does not fit its schema"
                yield document.finding("api-example", near, wrong, f"{where}: {error.message[:200]}")


def _bodies(document: Document) -> Iterator[tuple[str, str, Json]]:
    """Owner, text to find it by, and the node with schema and examples."""
    for each in operations(document):
        if "requestBody" in each.node:
            for media_type, media in document.resolved(each.node["requestBody"]).get("content", {}).items():
                yield f"the request of {each.name} ({media_type})", each.near, media
        for status, answer in each.node.get("responses", {}).items():
            if status.startswith("2"):
                for media_type, media in document.resolved(answer).get("content", {}).items():
                    yield f"answer {status} of {each.name} ({media_type})", each.near, media
    for name, message in document.json.get("components", {}).get("messages", {}).items():
        yield f"the event {name}", f'"{name}": ', message


def _examples(document: Document, media: Json, schema: Json) -> Iterator[Any]:
    if "example" in media:
        yield media["example"]
    given = media.get("examples", {})
    for each in given.values() if isinstance(given, dict) else given:
        example = document.resolved(each)
        yield example.get("value", example.get("payload"))
    if "example" not in media and not given:
        whole = document.resolved(schema)
        yield from [whole["example"]] if "example" in whole else whole.get("examples", [])


def _validator(document: Document, schema: Json) -> Validator:
    """Imported late: the libraries take longer to load than all other rules together to run."""
    whole = {"allOf": [schema], "components": document.json.get("components", {})}
    if document.json.get("openapi", "").startswith("3.0"):
        from openapi_schema_validator import OAS30Validator, oas30_format_checker  # noqa: PLC0415

        checker: Validator = OAS30Validator(whole, format_checker=oas30_format_checker)
        return checker
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)
