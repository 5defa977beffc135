"""The Edge Admin API in the published document: its texts, its envelope and its errors."""

from typing import Any

from chalicelib.fleet.api.envelope import pagination
from chalicelib.fleet.api.envelope_schemas import CURSOR_PAGINATION, ERROR, META, PAGINATION
from chalicelib.fleet.api.protocol import CONTRACT_VERSION
from chalicelib.kit.errors import (
    EdgeError,
    Kind,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_found,
    rate_limited,
    unauthorized,
    unavailable,
)
from chalicelib.kit.listing import ListPage
from chalicelib.web.answering import internal
from chalicelib.web.api import LOCAL_URL
from chalicelib.web.description import EXAMPLE_ID, EXAMPLE_TIME, Description
from chalicelib.web.openapi_schema import Schema
from chalicelib.web.operation import NO_EXAMPLE, Endpoint

_TEXT = (
    "Control plane for a fleet of machines: clusters, enrollment keys, nodes, commands and their executions. "
    "Operators authenticate with a key, agents with the token of their node, both as `Authorization: Bearer …`; "
    "operations with an empty `security` are open to anyone. Unknown fields and query parameters are refused. Integers "
    "and booleans may be sent as strings. All times are UTC, in RFC 3339. Every answer carries its request id in "
    "`meta.request_id` and in the header `x-request-id`. A POST that is sent again with the same `Idempotency-Key` is "
    "carried out once. A key may make a limited number of requests a minute. Its answers tell the rest in `RateLimit`, "
    "`RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10) and `X-RateLimit-*`; above the limit they are 429 "
    "with `Retry-After`."
)

_TAGS = {
    "Nodes.Cluster": "Groups of nodes that share a network",
    "Nodes.EnrollmentKey": "Keys that admit machines to a cluster",
    "Nodes.Node": "Machines that run the agent",
    "Nodes.Alias": "Further names of nodes in the network of their cluster",
    "Commands.Command": "Command lines and the nodes that run them",
    "Commands.Schedule": "Commands that are given at a time, or again and again",
    "Commands.Script": "Saved texts with parameters, which are run as commands",
    "Commands.Secret": "Values that scripts use by their names, and that nobody is shown again",
    "Commands.CommandExecution": "One command on one node: its status, output and exit code",
    "SelfUpdates.Request": "Updates of the agents themselves",
    "Ssh.SshUsername": "Names under which people log in to nodes",
    "Ssh.SshPublicKey": "Public keys that let people log in",
    "Ssh.SshGroupUser": "Names under which people log in to every node of a cluster or with a label",
    "Events.Webhook": "Receivers of events, and the log of deliveries to them",
    "Events.Event": "Events that operators ask for",
    "Events.Type": "The types of events",
    "Access.AuditEvent": "The audit log: what operators did, and what they were refused",
    "Agents": "For agents: enrolment, health and logins",
    "Nodes.Diagnostics": "Reports of agents on themselves and their machines",
    "Nodes.RecoveryKey": "Keys for machines that have lost their token",
    "Nodes.Metrics": "Metrics of machines and agents, and scrape targets for Prometheus",
    "Admins.Metadata": "Stacks that share an installation, and the clusters that each owns",
    "Admins.Metrics": "Metrics of this installation",
    "Agents.Metrics": "For agents: publishing metrics",
    "Agents.Alias": "For agents: registering aliases",
    "Agents.CommandExecution": "For agents: executions to run, and their results",
    "Agents.SelfUpdate": "For agents: self-updates",
    "Agents.Distribution": "For machines: installing the agent",
    "Access.ApiKey": "Keys of people, scripts and assistants, and what each may do",
    "Health": "Health checks for probes, and the OpenAPI document",
    "Documentation": "Pages for people, and the AsyncAPI document of the events",
}

_ERRORS = (
    bad_request({"page_size": ["101 is larger than inclusive maximum 100"]}),
    unauthorized(),
    forbidden(),
    not_found(),
    conflict("Cluster name is already taken"),
    EdgeError(Kind.PAYLOAD_TOO_LARGE, "Request body is larger than 1048576 bytes"),
    EdgeError(Kind.UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type. Expected application/json"),
    invalid("name", "is reserved"),
    rate_limited(1),
    internal(),
    unavailable(),
)

_ONE_PAGE: ListPage[Any] = ListPage([], page=1, page_size=20, total_count=1)


def _wrapped(endpoint: Endpoint, data: Schema, example: Any) -> tuple[Schema, Any]:
    """The envelope around a result, or around a page of results."""
    if not endpoint.enveloped:
        return data, example
    schema = {
        "type": "object",
        "required": ["data", "meta"],
        "properties": {
            "data": {"type": "array", "items": data, "description": "The items of the page."}
            if endpoint.paginated
            else data,
            "meta": {"$ref": f"#/components/schemas/{'PaginatedMeta' if endpoint.paginated else 'Meta'}"},
        },
    }
    if example is NO_EXAMPLE:
        return schema, example
    meta: dict[str, Any] = {"request_id": EXAMPLE_ID, "timestamp": EXAMPLE_TIME}
    if endpoint.paginated:
        return schema, {"data": [example], "meta": {**meta, "pagination": pagination(_ONE_PAGE)}}
    return schema, {"data": example, "meta": meta}


EDGE_ADMIN = Description(
    title="Edge Admin, serverless",
    version=CONTRACT_VERSION,
    text=_TEXT,
    tags=_TAGS,
    server=LOCAL_URL,
    server_text="`make up`; elsewhere what `make deploy` prints",
    error={"$ref": "#/components/schemas/Error"},
    errors=_ERRORS,
    schemas={
        "Meta": META,
        "PaginatedMeta": {
            "type": "object",
            "description": "Data about the answer and its page.",
            "required": [*META["required"], "pagination"],
            "properties": {
                **META["properties"],
                "pagination": {
                    "anyOf": [
                        {"$ref": "#/components/schemas/Pagination"},
                        {"$ref": "#/components/schemas/CursorPagination"},
                    ]
                },
                "indexing": {
                    "type": "boolean",
                    "description": "Only where true: the index for these filters is still being made. The page is "
                    "right, but cost more than it will.",
                },
            },
        },
        "Pagination": PAGINATION,
        "CursorPagination": CURSOR_PAGINATION,
        "Error": ERROR,
    },
    wrapped=_wrapped,
)
