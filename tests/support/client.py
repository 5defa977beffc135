"""Requests to the real Chalice app, in this process: builds the event that API Gateway sends and reads the answer.

Every answer is checked against the OpenAPI document of the routes: the status must be declared, the body must fit.
"""

import base64
import json as jsonlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs
from openapi_schema_validator import OAS30Validator
from pydantic import SecretStr

from chalicelib.fleet.api import API as EDGE_ADMIN
from chalicelib.kit.crypto import Sealer
from chalicelib.kit.log import Log
from chalicelib.kit.tables import Tables
from chalicelib.platform.access.identities import Identities
from chalicelib.platform.access.keys import Keys
from chalicelib.platform.idempotency.service import Idempotency
from chalicelib.platform.limits.service import Limits
from chalicelib.platform.limits.store import LIMITS, LimitStore
from chalicelib.platform.limits.wrong_keys import WrongKeys
from chalicelib.settings import Settings
from chalicelib.web import fallback
from chalicelib.web.api import Api
from chalicelib.web.application import Application
from chalicelib.web.endpoint import Endpoint, Endpoints
from chalicelib.web.openapi import document
from tests.support.fakes.aws import FakeKeyService
from tests.support.fakes.clock import FakeClock, FakeIds
from tests.support.fakes.dynamo import FakeDynamo
from tests.support.fakes.log import Lines
from tests.support.runtime_answer import check_sendable

MASTER_KEY = "master-key"
API_KEY = "api-key"
METRICS_KEY = "metrics-key"

Json = Any
_UNSET: Any = object()


class NoAgents:
    """Knows no node: identity and health of the nodes in one."""

    @property
    def identity(self) -> Any:
        return self

    @property
    def health(self) -> Any:
        return self

    def authenticate(self, bearer: str, instance_id: str | None, *, leaves: bool = False) -> Any:
        raise LookupError("this test has no agents: pass nodes=")

    def touch(self, agent: Any) -> Any:
        raise LookupError("this test has no agents: pass nodes=")


def settings(**values: Any) -> Settings:
    """Settings as given, otherwise their defaults, independent of the environment of the test run."""
    return Settings(**values)


class FakeServices:
    """The services of the edge, on fakes; other attributes as given."""

    def __init__(self, **attributes: Any) -> None:
        self.settings = settings()
        self.clock: Any = FakeClock()
        self.ids: Any = FakeIds()
        self.nodes: Any = NoAgents()
        self.is_degraded = False
        self.checks: Sequence[Any] = ()
        self.lines = Lines()
        self.log = Log(self.lines, self.clock)
        self.__dict__.update(attributes)
        if "tables" not in attributes:
            self.tables = Tables(FakeDynamo([LIMITS], self.clock), self.clock, self.ids)
        self.wrong_keys = WrongKeys(self.clock)
        self.limits = Limits(
            LimitStore(self.tables, self.clock),
            self.clock,
            self.log,
            per_minute=self.settings.key_requests_per_minute,
            address_rate=self.settings.public_rate_per_second,
            address_burst=self.settings.public_burst,
        )
        if not hasattr(type(self), "keys") and "keys" not in attributes:
            self.keys = Keys(SecretStr(MASTER_KEY), SecretStr(API_KEY), SecretStr(METRICS_KEY))

    @property
    def identities(self) -> Identities:
        return Identities(self.keys, no_named_keys, self.wrong_keys)

    @cached_property
    def idempotency(self) -> Idempotency:
        sealer = Sealer(self.tables, FakeKeyService(), self.clock, self.ids, "test")
        return Idempotency(self.tables, self.tables, self.clock, sealer, self.log)

    @property
    def platform(self) -> "FakeServices":
        """The parts of the platform are attributes as the others are."""
        return self

    def degraded(self) -> bool:
        return self.is_degraded

    def health_checks(self) -> Sequence[Any]:
        return self.checks


def edge_services(**attributes: Any) -> Any:
    """Services on fakes for route tests: ``edge_services(clusters=Clusters(...), tables=tables, clock=clock)``."""
    return FakeServices(**attributes)


def no_named_keys() -> Any:
    raise LookupError("this test has no named keys: use a World")


@dataclass(frozen=True)
class HttpAnswer:
    """``headers`` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    text: str
    is_base64: bool = False

    @property
    def content(self) -> bytes:
        """The body as the caller gets it."""
        return base64.b64decode(self.text) if self.is_base64 else self.text.encode()

    @property
    def json(self) -> Json:
        return jsonlib.loads(self.text)

    @property
    def data(self) -> Json:
        return self.json["data"]

    @property
    def error(self) -> Json:
        return self.json["error"]


class _Described:
    """The document of some operations, and validators of its schemas. Both take longer to make than most requests."""

    def __init__(self, endpoints: Sequence[Endpoint], api: Api) -> None:
        self.document = document(endpoints, api.protocol, api.describe())
        self._validators: dict[int, Any] = {}
        self._kind = (
            OAS30Validator if self.document["openapi"].startswith("3.0") else jsonschema_rs.Draft202012Validator
        )

    def validator(self, schema: Json) -> Any:
        """The validator of a schema of the document."""
        if id(schema) not in self._validators:
            whole = {"allOf": [schema], "components": self.document["components"]}
            self._validators[id(schema)] = self._kind(whole)
        return self._validators[id(schema)]


class _Served:
    """Some routes: their application, which takes longer to make than most tests run, and what describes them. Requests
    meet what ``here`` says when they are sent."""

    def __init__(self, routes: Sequence[Endpoints], api: Api) -> None:
        self._kept = routes, api  # so that nothing else gets the identity of one of them
        self.here: Callable[[], Any] = _nowhere
        self.app = Application("edge-admin-test")
        for group in routes:
            group.register(self.app, api.protocol, self._services)
        fallback.register(self.app, [api], lambda _api: self._services())
        self.endpoints = {(endpoint.method, endpoint.route): endpoint for group in routes for endpoint in group.all}

    def _services(self) -> Any:
        return self.here()

    @cached_property
    def described(self) -> _Described:
        return _Described(tuple(self.endpoints.values()), self._kept[1])


def _nowhere() -> Any:
    raise LookupError("no client has sent anything")


_SERVED: dict[tuple[int, ...], _Served] = {}


def _served(routes: Sequence[Endpoints], api: Api) -> _Served:
    key = (id(api), *(id(endpoint) for group in routes for endpoint in group.all))
    if key not in _SERVED:
        _SERVED[key] = _Served(routes, api)
    return _SERVED[key]


OBSERVERS: list[Callable[[Endpoint, HttpAnswer, str], None]] = []
"""Told of every answer of a documented operation, and of the revision that its request named or the setting says, ""
for neither; see `tests.contract.recording`."""


class Client:
    """Calls routes as API Gateway would: the most specific path wins, unknown ones go to the greedy route. ``here``
    says which services a request meets, where not always the same. A test may put another application in the place of
    ``app``."""

    def __init__(
        self,
        routes: Sequence[Endpoints],
        services: Any,
        *,
        here: Callable[[], Any] | None = None,
        key: str | None = MASTER_KEY,
        address: str = "203.0.113.7",
        api: Api = EDGE_ADMIN,
    ) -> None:
        self.services = services
        self.key = key
        self.address = address
        self._routes = routes
        self._api = api
        self._here = here or (lambda: services)
        self._served = _served(routes, api)
        self.app = self._served.app

    def with_key(self, key: str | None) -> "Client":
        """The same routes and services, called by another."""
        return Client(self._routes, self.services, key=key, address=self.address, api=self._api)

    def get(self, path: str, **options: Any) -> HttpAnswer:
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> HttpAnswer:
        return self.request("POST", path, **options)

    def patch(self, path: str, **options: Any) -> HttpAnswer:
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> HttpAnswer:
        return self.request("DELETE", path, **options)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Json = _UNSET,
        body: str | bytes | None = None,
        query: Mapping[str, object] | Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str | Sequence[str]] | None = None,
        key: str | None = _UNSET,
        address: str | None = None,
        body_is_base64: bool = False,
        checked: bool = True,
    ) -> HttpAnswer:
        """One request. ``json`` sets body and content type; ``body`` is sent as it is, bytes as API Gateway sends those
        of an API for which every type is binary. ``key`` None sends no key.

        ``checked`` false takes also an answer that the document does not declare.
        """
        sent: dict[str, list[str]] = {}
        bearer = self.key if key is _UNSET else key
        if bearer is not None:
            sent["Authorization"] = [f"Bearer {bearer}"]
        if json is not _UNSET:
            body = jsonlib.dumps(json)
            sent["Content-Type"] = ["application/json"]
        if isinstance(body, bytes):
            body, body_is_base64 = base64.b64encode(body).decode(), True
        for name, value in (headers or {}).items():
            sent[name] = [value] if isinstance(value, str) else list(value)
        event = self._event(method, path, query, sent, body, address or self.address)
        event["isBase64Encoded"] = body_is_base64
        self._served.here = self._here
        answered = self.app(event, None)
        check_sendable(answered)
        answer = HttpAnswer(
            status=answered["statusCode"],
            headers={name.lower(): value for name, value in answered["headers"].items()},
            text=answered["body"],
            is_base64=answered.get("isBase64Encoded", False),
        )
        endpoint = self._served.endpoints.get((method, event["requestContext"]["resourcePath"]))
        if endpoint is not None and endpoint.documented:
            if checked:
                self._check(endpoint, answer)
            for observe in OBSERVERS:
                observe(endpoint, answer, self._revision(sent))
        return answer

    def endpoint_of(self, method: str, path: str) -> Endpoint | None:
        """The operation that such a request reaches; None where there is none."""
        return self._served.endpoints.get((method, self._match(urlsplit(path).path)[0]))

    def _revision(self, sent: Mapping[str, list[str]]) -> str:
        named = next((values[-1] for name, values in sent.items() if name.lower() == "edge-api-revision"), None)
        return str(self.services.platform.settings.api_revision) if named is None else named

    def _event(self, method, path, query, headers, body, address) -> dict[str, Any]:
        parts = urlsplit(path)
        pairs = [*parse_qsl(parts.query, keep_blank_values=True)]
        pairs += [(name, str(value)) for name, value in (query.items() if isinstance(query, Mapping) else query)]
        values: dict[str, list[str]] = {}
        for name, value in pairs:
            values.setdefault(name, []).append(value)
        route, variables = self._match(parts.path)
        return {
            "resource": route,
            "path": parts.path,
            "httpMethod": method,
            "headers": {name: many[-1] for name, many in headers.items()} or None,
            "multiValueHeaders": headers or None,
            "queryStringParameters": {name: many[-1] for name, many in values.items()} or None,
            "multiValueQueryStringParameters": values or None,
            "pathParameters": variables or None,
            "stageVariables": None,
            "requestContext": {
                "resourcePath": route,
                "httpMethod": method,
                "path": parts.path,
                "stage": "api",
                "identity": {"sourceIp": address},
                "requestId": "gateway-request",
            },
            "body": body,
        }

    def _greedy(self) -> list[str]:
        """The application's paths with a last variable that takes what is left, but for the one for unknown paths."""
        return [route for route in self.app.routes if route.endswith("+}") and route != fallback.GREEDY]

    def _match(self, path: str) -> tuple[str, dict[str, str]]:
        """The most specific path, regardless of the method: every path has a route for undeclared methods."""
        candidates = []
        given = path.split("/")
        for route, expected in _paths_by_length(self.app).get(len(given), ()):
            variables = _variables(expected, given)
            if variables is not None:
                candidates.append((route.count("{"), route, variables))
        if candidates:
            _, route, variables = min(candidates, key=lambda candidate: candidate[:2])
            return route, variables
        for route in sorted(self._greedy(), key=lambda each: (each.count("{"), -len(each))):
            variables = _greedily(route.split("/"), given)
            if variables is not None:
                return route, variables
        return fallback.GREEDY, {"proxy": path.lstrip("/")}

    def _check(self, endpoint: Endpoint, answer: HttpAnswer) -> None:
        path = endpoint.shown_path
        responses = self._served.described.document["paths"][path][endpoint.method.lower()]["responses"]
        declared = responses.get(str(answer.status))
        assert declared is not None, f"{endpoint.method} {path} does not declare {answer.status}: {answer.text}"
        if "content" not in declared:
            assert answer.text == ""
            return
        media_type = answer.headers["content-type"]
        if "*/*" in declared["content"]:
            return
        assert media_type in declared["content"], f"{endpoint.method} {path} does not declare {media_type}"
        if media_type != "application/json":
            return
        checker = self._served.described.validator(declared["content"][media_type]["schema"])
        checker.validate(answer.json)


@cache
def _paths_by_length(app: Application) -> dict[int, list[tuple[str, list[str]]]]:
    """The application's paths and their parts, sorted at its first request."""
    paths: dict[int, list[tuple[str, list[str]]]] = {}
    for route in app.routes:
        parts = route.split("/")
        paths.setdefault(len(parts), []).append((route, parts))
    return paths


def _variables(expected: Sequence[str], given: Sequence[str]) -> dict[str, str] | None:
    """The variables of a route with as many parts as the path, if it matches; else None."""
    variables: dict[str, str] = {}
    for pattern, part in zip(expected, given, strict=True):
        if pattern.startswith("{") and not pattern.endswith("+}"):
            variables[pattern[1:-1]] = part
        elif pattern != part:
            return None
    return variables


def _greedily(expected: Sequence[str], given: Sequence[str]) -> dict[str, str] | None:
    """The same for a route whose last variable takes all that is left, one part at least."""
    *before, last = expected
    variables = _variables(before, given[: len(before)]) if len(given) >= len(expected) else None
    rest = "/".join(given[len(before) :])
    return None if variables is None or not rest else {**variables, last[1:-2]: rest}
