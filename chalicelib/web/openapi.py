"""The published document, built from the routes and their models: what it says is what the code checks.

``python -m chalicelib.web.openapi`` writes it to two places: beside the code that serves it, and docs/.
"""

import json
import sys
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path as FilePath
from typing import Any

from chalicelib.fleet.api.health import DOCUMENT, LOCAL_URL
from chalicelib.fleet.api.info import DESCRIPTION, ERRORS, TAGS
from chalicelib.fleet.api.routes import all_endpoints, table_text
from chalicelib.kit.clock import parse_time
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import ListPage
from chalicelib.platform.access.keys import Auth
from chalicelib.web.dispatch import TABLE
from chalicelib.web.endpoint import STATUSES, Endpoint
from chalicelib.web.envelope import Envelope, pagination
from chalicelib.web.examples import example_of
from chalicelib.web.openapi_envelope import ERROR, META, PAGINATION
from chalicelib.web.openapi_schema import Components, Schema, to_markdown
from chalicelib.web.operation import NO_EXAMPLE
from chalicelib.web.version import CONTRACT_VERSION

__all__ = ["DOCUMENT", "PUBLISHED", "document", "document_text", "statuses_of", "write"]

PUBLISHED = FilePath("docs/openapi.json")
"""The copy for readers, relative to the project's folder; the same bytes as the one that is served."""

_SECURITY: dict[Auth, list[dict[str, list[str]]]] = {
    Auth.OPERATOR: [{"operatorKey": []}],
    Auth.METRICS: [{"metricsKey": []}],
    Auth.AGENT: [{"nodeToken": []}],
    Auth.PUBLIC: [],
    Auth.OPEN: [],
}
_SCHEMES = {
    "operatorKey": {"type": "http", "scheme": "bearer", "description": "MASTER_KEY or API_KEY"},
    "metricsKey": {"type": "http", "scheme": "bearer", "description": "MASTER_KEY or METRICS_KEY"},
    "nodeToken": {"type": "http", "scheme": "bearer", "description": "`api_token` from registering a node"},
}
_EMPTY = frozenset({204, 304})
_TOO_MANY_REQUESTS = 429
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait before the next attempt",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    }
}
_JSON = "application/json"
_REQUEST_ID = "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee"
_TIME = "2026-11-21T10:00:02.250000Z"
_ONE_PAGE: ListPage[Any] = ListPage([], page=1, page_size=20, total_count=1)
_BLOCKED = "Refused with 503 `degraded_mode` while the installation is over its capacity."


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The OpenAPI 3.0 document of the documented operations among `endpoints`.

    Raises `NameTakenError` if two different models share a name.
    """
    components = Components()
    components.schemas |= {
        "Meta": META,
        "PaginatedMeta": {
            "type": "object",
            "description": "Data about the answer and its page.",
            "required": [*META["required"], "pagination"],
            "properties": {**META["properties"], "pagination": {"$ref": "#/components/schemas/Pagination"}},
        },
        "Pagination": PAGINATION,
        "Error": ERROR,
    }
    paths: dict[str, dict[str, Any]] = {}
    shown = [endpoint for endpoint in endpoints if endpoint.documented]
    for endpoint in shown:
        paths.setdefault(endpoint.shown_path, {})[endpoint.method.lower()] = _operation(endpoint, components)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Edge Admin, serverless",
            "version": CONTRACT_VERSION,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [{"url": LOCAL_URL, "description": "`make up`; elsewhere what `make deploy` prints"}],
        "tags": [_tag(name) for name in dict.fromkeys(endpoint.tag for endpoint in shown)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.schemas.items())),
            "examples": {error.code: _error_example(error) for error in ERRORS},
            "securitySchemes": _SCHEMES,
        },
    }


def _tag(name: str) -> dict[str, str]:
    described = {"description": TAGS[name]} if name in TAGS else {}
    return {"name": name, **described}


def _operation(endpoint: Endpoint, components: Components) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.view.__name__,
        "tags": [endpoint.tag],
        "summary": endpoint.summary,
    }
    if description := _description(endpoint):
        operation["description"] = description
    operation["security"] = _SECURITY[endpoint.auth]
    operation["parameters"] = _parameters(endpoint, components)
    if endpoint.has_body:
        body = components.reference(endpoint.body, "validation")
        operation["requestBody"] = {
            "required": endpoint.body_required,
            "content": _content(_JSON, body, example_of(body, components.schemas)),
        }
    operation["responses"] = {
        str(status): _response(endpoint, status, components) for status in sorted(statuses_of(endpoint))
    }
    return operation


def _description(endpoint: Endpoint) -> str:
    """The view's docstring, which is written for callers, and what follows from the declaration."""
    said = to_markdown(endpoint.view.__doc__ or "")
    return f"{said} {_BLOCKED}".strip() if endpoint.blocked_when_degraded else said


def _parameters(endpoint: Endpoint, components: Components) -> list[dict[str, Any]]:
    parameters = []
    renamed = endpoint.shown_names
    for place, model in (("path", endpoint.path), ("query", endpoint.query)):
        schema = components.schema(model, "validation")
        for name, described in schema.get("properties", {}).items():
            parameter = {
                "name": renamed.get(name, name) if place == "path" else name,
                "in": place,
                "required": place == "path" or name in schema.get("required", []),
                "schema": {key: value for key, value in described.items() if key not in ("description", "nullable")},
            }
            if "description" in described:
                parameter["description"] = described["description"]
            parameters.append(parameter)
    return parameters


def statuses_of(endpoint: Endpoint) -> set[int]:
    """Every status that the operation may answer with, those of the edge included."""
    statuses = {endpoint.status, 400, 500, 503, *endpoint.errors}
    if endpoint.has_body:
        statuses |= {413, 415}
    if endpoint.auth in {Auth.PUBLIC, Auth.OPERATOR, Auth.METRICS}:
        statuses.add(429)
    if endpoint.auth not in {Auth.PUBLIC, Auth.OPEN}:
        statuses.add(401)
    if endpoint.auth is Auth.AGENT:
        statuses.add(403)
    return statuses


def _response(endpoint: Endpoint, status: int, components: Components) -> dict[str, Any]:
    description = HTTPStatus(status).phrase
    if status in _EMPTY:
        return {"description": description}
    if status != endpoint.status:
        error: Schema = {"$ref": "#/components/schemas/Error"}
        if not endpoint.enveloped and status in endpoint.errors and endpoint.answer is not None:
            error = {"anyOf": [components.reference(endpoint.answer, "serialization"), error]}
        content = {_JSON: {"schema": error, "examples": _error_examples(endpoint, status)}}
        response = {"description": description, "content": content}
        return {**response, "headers": _RETRY_AFTER} if status == _TOO_MANY_REQUESTS else response
    if endpoint.media_type:
        content = _content(endpoint.media_type, {"type": "string"}, endpoint.example)
        return {"description": description, "content": content}
    if endpoint.answer is None:
        raise ValueError(f"{endpoint.method} {endpoint.route} answers {status} without a model")
    data = components.reference(endpoint.answer, "serialization")
    example = _with_override(example_of(data, components.schemas), endpoint.example)
    content = _content(_JSON, _enveloped(endpoint, data), _enveloped_example(endpoint, example))
    return {"description": description, "content": content}


def _with_override(composed: Any, given: Any) -> Any:
    """The fields of an object that an operation gives replace those of the composed example."""
    if isinstance(composed, dict) and isinstance(given, dict):
        return composed | given
    return composed if given is NO_EXAMPLE else given


def _enveloped(endpoint: Endpoint, data: Schema) -> Schema:
    if not endpoint.enveloped:
        return data
    meta = "PaginatedMeta" if endpoint.paginated else "Meta"
    return {
        "type": "object",
        "required": ["data", "meta"],
        "properties": {
            "data": {"type": "array", "items": data, "description": "The items of the page."}
            if endpoint.paginated
            else data,
            "meta": {"$ref": f"#/components/schemas/{meta}"},
        },
    }


def _enveloped_example(endpoint: Endpoint, example: Any) -> Any:
    if example is NO_EXAMPLE or not endpoint.enveloped:
        return example
    meta: dict[str, Any] = {"request_id": _REQUEST_ID, "timestamp": _TIME}
    if endpoint.paginated:
        return {"data": [example], "meta": {**meta, "pagination": pagination(_ONE_PAGE)}}
    return {"data": example, "meta": meta}


def _error_example(error: EdgeError) -> dict[str, Any]:
    return {"value": json.loads(Envelope(_REQUEST_ID, parse_time(_TIME)).error(error))}


def _error_examples(endpoint: Endpoint, status: int) -> dict[str, Any]:
    """References to the examples of that status, by code."""
    return {
        error.code: {"$ref": f"#/components/examples/{error.code}"}
        for error in ERRORS
        if STATUSES[error.kind] == status and (error.kind is not Kind.DEGRADED or endpoint.blocked_when_degraded)
    }


def _content(media_type: str, schema: Schema, example: Any) -> dict[str, Any]:
    shown = {} if example is NO_EXAMPLE else {"example": example}
    return {media_type: {"schema": schema, **shown}}


def document_text() -> str:
    """The document of all routes, as it is committed."""
    return json.dumps(document(all_endpoints()), indent=2, ensure_ascii=False) + "\n"


def write() -> None:
    """Write both copies, and the table of routes."""
    document = document_text()
    for file, text in ((DOCUMENT, document), (PUBLISHED, document), (TABLE, table_text())):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {file}\n")


if __name__ == "__main__":
    write()
