"""One HTTP request as it arrived and the answer to it, free of Chalice: what the edge reads and writes."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote

from chalicelib.kit.errors import bad_request
from chalicelib.platform.access.bearer import bearer_in

SENT_METHOD = "sentMethod"
"""Field of a request's context: the method that was sent, where its route is the one for undeclared methods."""


TENANT_HEADER = "x-tenant-id"

_KEPT = ("authorization", "edge-api-revision", TENANT_HEADER)
"""Headers of a request that count for those which are made for its caller."""


@dataclass(frozen=True)
class Incoming:
    """An API Gateway proxy event (REST API, payload format 1.0), read once.

    Header names are lower-case; a header that was sent twice keeps all its values. For a repeated query name the last
    value counts. Path variables are percent-decoded here: a REST API passes them on as they were sent.
    ``is_of_assistant``: it is the call of a tool, of an assistant whose request has been counted, and which sees no
    secrets.
    """

    method: str
    route: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, tuple[str, ...]]
    address: str
    _body: str | None = field(default=None, repr=False)
    _body_is_base64: bool = False
    is_of_assistant: bool = False

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "Incoming":
        """Read a proxy event. Fields that API Gateway sends as null are empty here."""
        context = event["requestContext"]
        headers: dict[str, tuple[str, ...]] = {}
        for name, values in (event.get("multiValueHeaders") or _listed(event.get("headers") or {})).items():
            known = name.lower()
            headers[known] = (*headers[known], *values) if known in headers else tuple(values)
        return cls(
            method=context.get(SENT_METHOD) or context["httpMethod"],
            route=context["resourcePath"],
            path={name: unquote(value) for name, value in (event.get("pathParameters") or {}).items()},
            query={name: values[-1] for name, values in (event.get("multiValueQueryStringParameters") or {}).items()},
            headers=headers,
            address=(context.get("identity") or {}).get("sourceIp") or "",
            _body=event.get("body"),
            _body_is_base64=bool(event.get("isBase64Encoded")),
        )

    def onward(
        self,
        method: str,
        route: str,
        *,
        path: Mapping[str, str],
        query: Mapping[str, str],
        headers: Mapping[str, tuple[str, ...]],
        body: str | None,
    ) -> "Incoming":
        """The request of another operation that is made for the caller of this one, with its key."""
        kept = {name: self.headers[name] for name in _KEPT if name in self.headers}
        return replace(
            self,
            method=method,
            route=route,
            path=path,
            query=query,
            headers={"content-type": ("application/json",), **kept, **headers},
            _body=body,
            _body_is_base64=False,
            is_of_assistant=True,
        )

    def header(self, name: str) -> str | None:
        """The last value of a header (lower-case name), None if it was not sent."""
        values = self.headers.get(name)
        return values[-1] if values else None

    def bearer(self) -> str | None:
        """The bearer token of the Authorization header, None without a valid one."""
        return bearer_in(self.headers.get("authorization", ()))

    def body_bytes(self) -> bytes:
        """The body as sent. Raises `EdgeError` (bad request) if the gateway's own base64 is invalid."""
        if not self._body:
            return b""
        if not self._body_is_base64:
            return self._body.encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(self._body, validate=True)
        except binascii.Error:
            raise bad_request() from None


def _listed(single: Mapping[str, str]) -> dict[str, list[str]]:
    return {name: [value] for name, value in single.items()}


@dataclass
class Outgoing:
    """The answer: status, headers (lower-case names) and body text, empty for none. ``content`` are bytes that are sent
    in place of a text."""

    status: int
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = field(default=None, repr=False)
