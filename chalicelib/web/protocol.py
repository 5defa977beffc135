"""The rules that all operations of one published API share: envelope, errors, headers, texts of bad requests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import ValidationError

from chalicelib.kit.errors import Details, Kind
from chalicelib.platform.limits.model import Standing
from chalicelib.web.audience import OPEN, Audience
from chalicelib.web.headers import LIMIT_HEADERS, limit_headers
from chalicelib.web.problems import details_of
from chalicelib.web.rendering import Renderer

STATUSES: Mapping[Kind, int] = {
    Kind.BAD_REQUEST: 400,
    Kind.UNAUTHORIZED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.METHOD_NOT_ALLOWED: 405,
    Kind.CONFLICT: 409,
    Kind.PAYLOAD_TOO_LARGE: 413,
    Kind.UNSUPPORTED_MEDIA_TYPE: 415,
    Kind.VALIDATION_FAILED: 422,
    Kind.RATE_LIMITED: 429,
    Kind.INTERNAL: 500,
    Kind.UNAVAILABLE: 503,
}
"""The usual HTTP status of each kind of error."""


@dataclass(frozen=True)
class GatewayError:
    """An error that API Gateway answers by itself. ``body`` is a mapping template and ``headers`` are mapping
    expressions: both may use ``$context``, and a literal header stands in single quotes."""

    body: str
    headers: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, eq=False)
class ApiProtocol:
    """One published API's way to answer.

    ``renderer`` makes the renderer of an answer from the id of the request and the time. ``gateway_error`` renders
    errors of API Gateway, from their kind and message. ``details`` turns pydantic's problems into those of a bad
    request: field (slash path, "" for the whole) to texts. ``challenge`` is the header ``www-authenticate`` of a 401,
    without which there is none. ``methods`` and ``exposed_headers`` are allowed to browsers by CORS.
    ``limit_headers`` tell the rest of a limit at a time. ``undeclared`` are the callers of all other paths and methods.
    ``code_statuses`` are the statuses of errors by their code, where it is not that of their kind.
    Where clients repeat a request after a failure without an ``Idempotency-Key``, it is known for ``repeats_seconds``.
    ``revisions`` are those that requests may name (`web.revisions`), the usual one first; none where there is only one.
    """

    name: str
    renderer: Callable[[str, datetime], Renderer]
    gateway_error: Callable[[Kind, str], GatewayError]
    details: Callable[[ValidationError], Details] = details_of
    statuses: Mapping[Kind, int] = field(default_factory=lambda: STATUSES)
    code_statuses: Mapping[str, int] = field(default_factory=dict)
    challenge: str = "Bearer"
    methods: tuple[str, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE")
    exposed_headers: tuple[str, ...] = (
        *("idempotency-replayed", "link", "location", "retry-after", "x-request-id"),
        *LIMIT_HEADERS,
    )
    limit_headers: Callable[[Standing, datetime], Mapping[str, str]] = limit_headers
    undeclared: Audience = OPEN
    revisions: tuple[str, ...] = ()
    repeats_seconds: int = 0
