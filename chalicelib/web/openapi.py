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
from chalicelib.fleet.api.routes import all_endpoints, table_text
from chalicelib.fleet.nodes.model import Code
from chalicelib.kit.errors import Kind
from chalicelib.platform.access.keys import Auth
from chalicelib.web.dispatch import TABLE
from chalicelib.web.endpoint import Endpoint
from chalicelib.web.openapi_schema import Components, Schema, to_markdown
from chalicelib.web.version import CONTRACT_VERSION

__all__ = ["DOCUMENT", "PUBLISHED", "document", "document_text", "statuses_of", "write"]

PUBLISHED = FilePath("docs/openapi.json")
"""The copy for readers, relative to the project's folder; the same bytes as the one that is served."""

_DESCRIPTION = (
    "Control plane of a fleet of machines: clusters, enrollment keys, nodes, commands and their executions. "
    "Operators send a key, agents the token of their node, both as `Authorization: Bearer …`; operations with an empty "
    "`security` are open to anyone. Unknown fields and query names are refused; integers and booleans may be sent as "
    "strings. Every answer carries its request id in `meta.request_id` and in the header `x-request-id`."
)
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
    "nodeToken": {"type": "http", "scheme": "bearer", "description": "The token that registering a node returned"},
}
_TAGS = {
    "Nodes.Cluster": "Groups of nodes that share a network",
    "Nodes.EnrollmentKey": "What a machine needs to become a node of a cluster",
    "Nodes.Node": "Machines with an agent",
    "Nodes.Alias": "Further names of nodes in their network",
    "Commands.Command": "What is to be run, and where",
    "Commands.CommandExecution": "One command on one node: its state, output and exit code",
    "SelfUpdates.Request": "Updates of the agents themselves",
    "Ssh.SshUsername": "Names under which people log in to nodes",
    "Ssh.SshPublicKey": "The keys that let them in",
    "Events.Webhook": "Receivers of events, and what was delivered to them",
    "Events.Type": "The types of events",
    "Agents": "For agents: enrolment, health and logins",
    "Nodes.Metrics": "What machines and their agents publish about themselves, and where a Prometheus finds it",
    "Admins.Metadata": "Stacks that share an installation, and the clusters that each owns",
    "Admins.Metrics": "Figures of this installation",
    "Agents.Metrics": "For agents: what they publish about themselves",
    "Agents.Alias": "For agents: their further names",
    "Agents.CommandExecution": "For agents: what they have to run",
    "Agents.SelfUpdate": "For agents: whether to update themselves",
    "Agents.Distribution": "For machines: the agent itself",
    "Health": "For probes and readers",
    "Documentation": "Pages for people, and the description of the events",
}
_EMPTY = frozenset({204, 304})
_TOO_MANY_REQUESTS = 429
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait", "required": True, "schema": {"type": "integer", "minimum": 1}}
}
_BLOCKED = "Refused with 503 `degraded_mode` while the installation is over its capacity."
_META: Schema = {
    "type": "object",
    "required": ["request_id", "timestamp"],
    "properties": {
        "request_id": {"type": "string", "format": "uuid"},
        "timestamp": {"type": "string", "format": "date-time", "description": "Time of rendering, microseconds"},
    },
}
_PAGINATION: Schema = {
    "type": "object",
    "required": [
        "page",
        "page_size",
        "total_count",
        "total_pages",
        "has_next",
        "has_prev",
        "next_page",
        "prev_page",
    ],
    "properties": {
        "page": {"type": "integer", "minimum": 1},
        "page_size": {"type": "integer", "minimum": 1},
        "total_count": {"type": "integer", "minimum": 0},
        "total_pages": {"type": "integer", "minimum": 0},
        "has_next": {"type": "boolean"},
        "has_prev": {"type": "boolean"},
        "next_page": {"type": "integer", "nullable": True},
        "prev_page": {"type": "integer", "nullable": True},
    },
}
_ERROR: Schema = {
    "type": "object",
    "required": ["error", "meta"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "enum": [*(kind.value for kind in Kind), *(code.value for code in Code)]},
                "message": {"type": "string"},
                "details": {
                    "type": "object",
                    "description": "Field (slash path, empty for the whole) to what is wrong with it",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
            "additionalProperties": False,
        },
        "meta": {"$ref": "#/components/schemas/Meta"},
    },
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The OpenAPI 3.0 document of the documented operations among `endpoints`.

    Raises NameTakenError where two different models share a name.
    """
    components = Components()
    components.schemas |= {
        "Meta": _META,
        "PaginatedMeta": {
            "type": "object",
            "required": [*_META["required"], "pagination"],
            "properties": {**_META["properties"], "pagination": {"$ref": "#/components/schemas/Pagination"}},
        },
        "Pagination": _PAGINATION,
        "Error": _ERROR,
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
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "servers": [{"url": LOCAL_URL, "description": "`make up`; elsewhere what `make deploy` prints"}],
        "tags": [_tag(name) for name in dict.fromkeys(endpoint.tag for endpoint in shown)],
        "paths": paths,
        "components": {"schemas": dict(sorted(components.schemas.items())), "securitySchemes": _SCHEMES},
    }


def _tag(name: str) -> dict[str, str]:
    described = {"description": _TAGS[name]} if name in _TAGS else {}
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
        operation["requestBody"] = {
            "required": endpoint.body_required,
            "content": _json_content(components.reference(endpoint.body, "validation")),
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
        response = {"description": description, "content": _json_content(error)}
        return {**response, "headers": _RETRY_AFTER} if status == _TOO_MANY_REQUESTS else response
    if endpoint.media_type:
        return {"description": description, "content": {endpoint.media_type: {"schema": {"type": "string"}}}}
    if endpoint.answer is None:
        raise ValueError(f"{endpoint.method} {endpoint.route} answers {status} without a model")
    data = components.reference(endpoint.answer, "serialization")
    return {"description": description, "content": _json_content(_enveloped(endpoint, data))}


def _enveloped(endpoint: Endpoint, data: Schema) -> Schema:
    if not endpoint.enveloped:
        return data
    meta = "PaginatedMeta" if endpoint.paginated else "Meta"
    return {
        "type": "object",
        "required": ["data", "meta"],
        "properties": {
            "data": {"type": "array", "items": data} if endpoint.paginated else data,
            "meta": {"$ref": f"#/components/schemas/{meta}"},
        },
    }


def _json_content(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


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
