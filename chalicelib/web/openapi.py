"""The published document of an API, built from its routes and their models: what it says is what the code checks.

``python -m chalicelib.web.openapi`` writes that of each family's APIs to two places: beside the code that serves it,
and docs/.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Any

from chalicelib import families
from chalicelib.kit.clock import parse_time
from chalicelib.kit.errors import EdgeError
from chalicelib.platform.idempotency.rules import KEY_PATTERN, LONGEST_KEY, refusals
from chalicelib.web.api import DOCS, Api
from chalicelib.web.description import EXAMPLE_ID, EXAMPLE_TIME, LICENSE, Description
from chalicelib.web.examples import example_of, with_override
from chalicelib.web.json_patch import difference
from chalicelib.web.openapi_newer import newer
from chalicelib.web.openapi_schema import Components, Schema, to_markdown
from chalicelib.web.operation import NO_EXAMPLE, Endpoint
from chalicelib.web.protocol import ApiProtocol
from chalicelib.web.revisions import HEADER, SAME
from chalicelib.web.spellings import spellings_of

_JSON = "application/json"
_ANY = "*/*"
_BYTES: Schema = {"type": "string", "format": "binary"}
_EMPTY = frozenset({204, 304})
_TOO_MANY_REQUESTS = 429
_FIRST_ERROR = 400
"""An operation may have other successes than its usual one, with the same answer."""
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait before the next attempt",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes repeats safe, for 24 hours: requests with the same key, caller, operation, path and body are "
    "carried out once, and repeats get the first answer again, with the header `Idempotency-Replayed: true`. With "
    "another operation, path or body: 409 `idempotency_key_reused`. A refused request may be repeated with its key. A "
    "UUID is a good key.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": KEY_PATTERN},
    "example": "7c1f5a0e-63a3-4cf0-9d6c-1f2e8b7f2f4e",
}
_REPLAYED = {
    "Idempotency-Replayed": {
        "description": "`true` on an answer that was given before to the same `Idempotency-Key`",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def document(
    endpoints: Sequence[Endpoint], protocol: ApiProtocol, description: Description, revision: str = ""
) -> dict[str, Any]:
    """The OpenAPI document of the documented operations among `endpoints`, in 3.0 or 3.1 as the description says.
    ``revision`` is the one that requests name; "" for what is answered in any of them.

    Raises `NameTakenError` if two different models share a name.
    """
    whole = _Document(endpoints, protocol, description, revision).whole()
    return newer(whole) if description.is_newer else whole


class _Document:
    """One document under construction."""

    def __init__(
        self, endpoints: Sequence[Endpoint], protocol: ApiProtocol, description: Description, revision: str
    ) -> None:
        self._shown = [
            _in_revision(endpoint, revision) if revision else endpoint for endpoint in endpoints if endpoint.documented
        ]
        self._revisions = (revision,) if revision else protocol.revisions
        self._protocol = protocol
        self._description = description
        self._components = Components()
        self._components.schemas |= description.schemas

    def whole(self) -> dict[str, Any]:
        description, components = self._description, self._components
        paths: dict[str, dict[str, Any]] = {}
        for endpoint in self._shown:
            paths.setdefault(endpoint.shown_path, {})[endpoint.method.lower()] = self._operation(endpoint)
        guards = dict.fromkeys(endpoint.guard for endpoint in self._shown if endpoint.guard is not None)
        repeats = refusals() if any(endpoint.takes_idempotency_key for endpoint in self._shown) else ()
        errors = [*description.errors, *(guard.example() for guard in guards), *repeats]
        schemes = {name: scheme for endpoint in self._shown for name, scheme in endpoint.auth.schemes.items()}
        return {
            "openapi": "3.0.3",
            "info": {
                "title": description.title,
                "version": description.version,
                "description": description.text,
                "license": LICENSE,
            },
            "servers": [{"url": description.server, "description": description.server_text}],
            "tags": [self._tag(name) for name in dict.fromkeys(endpoint.tag for endpoint in self._shown)],
            "paths": paths,
            "components": {
                "schemas": dict(sorted(components.schemas.items())),
                "examples": {error.code: self._error_example(error) for error in errors},
                "securitySchemes": schemes,
            },
        }

    def _tag(self, name: str) -> dict[str, str]:
        described = {"description": self._description.tags[name]} if name in self._description.tags else {}
        return {"name": name, **described}

    def _operation(self, endpoint: Endpoint) -> dict[str, Any]:
        operation: dict[str, Any] = {
            "operationId": endpoint.view.__name__,
            "tags": [endpoint.tag],
            "summary": endpoint.summary,
        }
        if text := text_of(endpoint):
            operation["description"] = text
        operation["security"] = [{name: []} for name in endpoint.auth.schemes]
        if endpoint.permission is not None:
            operation |= {"x-permission": endpoint.permission.name, "x-scope": endpoint.scope}
        operation["parameters"] = self._parameters(endpoint)
        if endpoint.takes_bytes:
            operation["requestBody"] = {"required": False, "content": _content(_ANY, _BYTES, "any bytes")}
        elif endpoint.has_body:
            body = self._components.reference(endpoint.body, "validation")
            operation["requestBody"] = {
                "required": endpoint.body_required,
                "content": _content(_JSON, body, example_of(body, self._components.schemas)),
            }
        operation["responses"] = {
            str(status): self._response(endpoint, status) for status in sorted(statuses_of(endpoint))
        }
        return operation

    def _parameters(self, endpoint: Endpoint) -> list[dict[str, Any]]:
        parameters = []
        renamed = endpoint.shown_names
        for location, model in (("path", endpoint.path), ("query", endpoint.query)):
            schema = self._components.schema(model, "validation")
            for name, described in schema.get("properties", {}).items():
                parameter = {
                    "name": renamed.get(name, name) if location == "path" else name,
                    "in": location,
                    "required": location == "path" or name in schema.get("required", []),
                    "schema": {
                        key: value for key, value in described.items() if key not in ("description", "nullable")
                    },
                }
                if "description" in described:
                    parameter["description"] = described["description"]
                parameters.append(parameter)
        if endpoint.revised:
            parameters.append(self._revision())
        return [*parameters, _IDEMPOTENCY_KEY] if endpoint.takes_idempotency_key else parameters

    def _revision(self) -> dict[str, Any]:
        known = list(self._revisions)
        is_usual = known[0] == self._protocol.revisions[0]
        return {
            "name": HEADER,
            "in": "header",
            "required": not is_usual,
            "description": "The revision of the contract that the answer follows.",
            "schema": {"type": "string", "enum": known, **({"default": known[0]} if is_usual else {})},
        }

    def _response(self, endpoint: Endpoint, status: int) -> dict[str, Any]:
        phrase = HTTPStatus(status).phrase
        if status in (*_EMPTY, *endpoint.empty) or any(
            status == revised.status for revised in endpoint.revised.values()
        ):
            return {"description": phrase}
        if status >= _FIRST_ERROR:
            return {"description": phrase, **self._error(endpoint, status)}
        if endpoint.media_type:
            schema = _BYTES if endpoint.media_type == _ANY else {"type": "string"}
            content = _content(endpoint.media_type, schema, endpoint.example)
            return {"description": phrase, "content": content}
        if endpoint.answer is None:
            raise ValueError(f"{endpoint.method} {endpoint.route} answers {status} without a model")
        result = self._components.reference(endpoint.answer, "serialization")
        example = with_override(example_of(result, self._components.schemas), endpoint.example)
        content = _content(_JSON, *self._description.wrapped(endpoint, result, example))
        if endpoint.lines:
            content |= _content(endpoint.lines, {"type": "string"}, json.dumps(example, ensure_ascii=False) + "\n")
        headers = {"headers": _REPLAYED} if endpoint.takes_idempotency_key else {}
        return {"description": phrase, **headers, "content": content}

    def _error(self, endpoint: Endpoint, status: int) -> dict[str, Any]:
        error = self._description.error
        if not endpoint.enveloped and status in endpoint.errors and endpoint.answer is not None:
            error = {"anyOf": [self._components.reference(endpoint.answer, "serialization"), error]}
        own = [endpoint.guard.example()] if endpoint.guard else []
        examples = [*self._description.errors, *own, *(refusals() if endpoint.takes_idempotency_key else ())]
        named = {
            one.code: {"$ref": f"#/components/examples/{one.code}"}
            for one in examples
            if self._protocol.statuses[one.kind] == status
        }
        headers = {**self._description.error_headers, **(_RETRY_AFTER if status == _TOO_MANY_REQUESTS else {})}
        content = {_JSON: {"schema": error, "examples": named}}
        return {"content": content, "headers": headers} if headers else {"content": content}

    def _error_example(self, error: EdgeError) -> dict[str, Any]:
        renderer = self._protocol.renderer(EXAMPLE_ID, parse_time(EXAMPLE_TIME))
        return {"value": json.loads(renderer.error(error))}


def _in_revision(endpoint: Endpoint, revision: str) -> Endpoint:
    """The operation as it is in this revision alone."""
    revised = endpoint.revised.get(revision)
    if revised is None:
        return replace(endpoint, revised={revision: SAME} if endpoint.revised else {})
    return replace(
        endpoint,
        status=revised.status or endpoint.status,
        errors=(*endpoint.errors, *revised.errors),
        answer=revised.answer or endpoint.answer,
        revised={revision: revised},
    )


def statuses_of(endpoint: Endpoint) -> set[int]:
    """Every status that the operation may answer with, those of the edge included."""
    statuses = {endpoint.status, 400, 500, 503, *endpoint.errors, *endpoint.empty, *endpoint.auth.statuses}
    if endpoint.takes_idempotency_key:
        statuses.add(409)
    for revised in endpoint.revised.values():
        statuses |= {revised.status or endpoint.status, *revised.errors}
    if "sort" in endpoint.query.model_fields or any(map(spellings_of, (endpoint.query, endpoint.body))):
        statuses.add(422)
    if endpoint.takes_bytes:
        return statuses | {413}
    return statuses | {413, 415} if endpoint.has_body else statuses


def text_of(endpoint: Endpoint) -> str:
    """The view's docstring, which is written for callers, the text of the guard, and the permission."""
    written = [to_markdown(endpoint.view.__doc__ or "")]
    if endpoint.guard:
        written.append(endpoint.guard.described)
    if endpoint.permission is not None:
        written.append(f"Needs the permission `{endpoint.permission.name}` (least role: `{endpoint.permission.role}`).")
    return " ".join(written).strip()


def _content(media_type: str, schema: Schema, example: Any) -> dict[str, Any]:
    shown = {} if example is NO_EXAMPLE else {"example": example}
    return {media_type: {"schema": schema, **shown}}


def document_of(api: Api, revision: str = "") -> dict[str, Any]:
    """The document of all operations of an API, in one of its revisions if that is given."""
    return document(api.endpoints(), api.protocol, api.describe(), revision)


def document_text(api: Api) -> str:
    """The document of an API, as it is committed."""
    return _text(document_of(api))


def _text(whole: dict[str, Any]) -> str:
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def generated(api: Api) -> dict[FilePath, str]:
    """The generated files of an API: both copies of its document, what differs in its revisions, and the table of its
    routes."""
    whole = document_of(api)
    text = _text(whole)
    files = {api.document: text, DOCS / api.published: text, api.table: api.table_text()}
    if api.protocol.revisions:
        patches = {revision: difference(whole, document_of(api, revision)) for revision in api.protocol.revisions}
        files[api.revisions_document] = _text(patches)
    return files


def main() -> None:
    """Write the generated files of every API."""
    for api in families.every_api():
        for file, text in generated(api).items():
            file.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {file}\n")


if __name__ == "__main__":
    main()
