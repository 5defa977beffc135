"""The cloud's API in its published document."""

from typing import Any

from chalicelib.cloud.api.fields import PageQuery
from chalicelib.cloud.api.protocol import CLOUD as PROTOCOL
from chalicelib.kit.errors import (
    EdgeError,
    Kind,
    bad_request,
    conflict,
    forbidden,
    not_found,
    rate_limited,
    unauthorized,
    unavailable,
)
from chalicelib.web.answering import internal
from chalicelib.web.api import LOCAL_URL
from chalicelib.web.description import Description
from chalicelib.web.openapi_schema import Schema
from chalicelib.web.operation import NO_EXAMPLE, Endpoint

_META: dict[str, Any] = {
    "type": "object",
    "description": "About this answer.",
    "required": ["request_id", "timestamp"],
    "properties": {
        "request_id": {"type": "string", "description": "Id of the request, as in the header `x-request-id`."},
        "timestamp": {"type": "string", "format": "date-time", "description": "Time of the answer, in UTC."},
    },
}
_META_EXAMPLE = {"request_id": "01a1fd8c-9bc8-7fee-8afc-f6c8cad021ee", "timestamp": "2026-11-21T10:00:02Z"}


_NEXT = {
    "type": "string",
    "description": "Token of the next page, for `next_token`; missing at the end of the list.",
}
_META_OF_PAGE = {**_META, "properties": {**_META["properties"], "next_token": _NEXT}}


def _wrapped(endpoint: Endpoint, data: Schema, example: Any) -> tuple[Schema, Any]:
    """``data`` and ``meta`` around every result but published documents."""
    if not endpoint.enveloped:
        return data, example
    if endpoint.paginated:
        listed = {"type": "array", "items": data, "description": "The items of the page."}
        schema = {"type": "object", "required": ["data", "meta"], "properties": {"data": listed, "meta": _META_OF_PAGE}}
        return schema, example if example is NO_EXAMPLE else {"data": [example], "meta": _META_EXAMPLE}
    meta = _META_OF_PAGE if issubclass(endpoint.query, PageQuery) else _META
    schema = {"type": "object", "required": ["data", "meta"], "properties": {"data": data, "meta": meta}}
    return schema, example if example is NO_EXAMPLE else {"data": example, "meta": _META_EXAMPLE}


CLOUD = Description(
    title=PROTOCOL.name,
    version="1.0.0",
    text="Users and teams with accounts of their own over one AWS account.",
    tags={
        "Users": "How people register, log in, and see to their own user",
        "Keys": "Credentials of the caller",
        "Tenants": "Accounts, in which users have places",
        "Members": "The users of a tenant",
        "Invitations": "Places in a tenant that are offered by mail",
        "Quotas": "How much of everything a tenant may have",
        "Clusters": "Clusters of the fleet that a tenant owns",
        "Roles": "Sets of permissions, of which each member has one",
        "Policies": "Statements that allow or deny actions, for users and roles",
        "Service accounts": "Accounts of programs, and tokens for their credentials",
        "VPCs": "Private networks of a tenant",
        "Subnets": "Parts of a VPC, each in one zone",
        "Security groups": "What connections the instances of a VPC let in and out",
        "Elastic IPs": "Public addresses of a tenant, and the instances that have them",
        "Internet gateways": "The ways of VPCs to the internet",
        "Route tables": "Where what leaves the subnets of a VPC goes",
        "NAT gateways": "Ways to the internet for subnets without public addresses",
        "VPC peerings": "Ways between two VPCs of a tenant",
        "SSH keys": "Public keys for the machines of a tenant",
        "Audit": "Who did what in a tenant, and what was refused",
        "Dashboard": "What a tenant has, and what happened lately",
        "Secrets": "Values that a tenant keeps sealed",
        "Storage": "Buckets, in which a tenant keeps objects",
        "Objects": "Bytes under keys in buckets, with their versions",
        "Uploads and links": "Large objects, and links that anyone can use",
        "Lifecycle of objects": "Rules for when objects end",
        "Billing": "What the things of a tenant cost",
        "Health": "Whether the installation works",
        "Documentation": "This document",
    },
    server=LOCAL_URL,
    server_text="`make up FAMILIES=cloud`",
    error={
        "type": "object",
        "required": ["error", "meta"],
        "properties": {
            "error": {
                "type": "object",
                "description": "The failure.",
                "required": ["type", "message", "code"],
                "properties": {
                    "type": {"type": "string", "description": "Stable name of the kind of failure."},
                    "message": {"type": "string", "description": "Explanation of the failure for people."},
                    "code": {"type": "string", "description": "The same as `type`."},
                },
            },
            "meta": _META,
        },
    },
    errors=(
        bad_request(),
        unauthorized(),
        forbidden(),
        not_found(),
        conflict("the user is a member already"),
        EdgeError(Kind.PAYLOAD_TOO_LARGE, "Request body is larger than 1048576 bytes"),
        EdgeError(Kind.UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type. Expected application/json"),
        rate_limited(1),
        internal(),
        unavailable(),
    ),
    wrapped=_wrapped,
    is_newer=True,
)
