"""Netmaker's REST API: one method a call, shapes checked, time and bytes bounded. It decides nothing.

Paths, bodies and peculiarities are those of Netmaker's own controllers (0.20 to 1.x): a thing that is not there is
often a 500 whose message says so, and an empty list may come as null.
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum, auto
from http.client import NOT_FOUND, UNAUTHORIZED
from typing import Any, TypeVar
from urllib.parse import quote

from pydantic import SecretStr, TypeAdapter, ValidationError

from chalicelib.fleet.mesh.netmaker_shapes import Failure, FoundKey, FoundName, FoundNetwork, FoundNode
from chalicelib.kit.backoff import Backoff
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import EdgeError, unavailable
from chalicelib.kit.ids import Ids
from chalicelib.kit.log import Level, Log
from chalicelib.kit.outbound import Caller, NoAnswerError, UrlRefusedError, unguarded

ANSWER_SECONDS = 4.0
"""For a call: to find the server, to connect, and to the last byte of its answer. Whatever fails by time ends the
request: no call follows it."""

PATIENCE = timedelta(seconds=1)
"""How long a read that fails at once is tried again. One that hangs is not."""

ANSWER_BYTES = 32 * 1024 * 1024
"""The maximum size of an answer; a network, host or node takes about a kilobyte."""

_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.4

_NOT_THERE = (
    "no result found",
    "could not find any records",
    "record not found",
    "host not part of the network",
    "no enrollmentkey found",
)
_FOR_SO_MANY_USES = 2
_THERE_ALREADY = ("host already part of network",)

T = TypeVar("T")


class Outcome(Enum):
    """The outcome of a write. ``ABSENT``: its object does not exist; ``REFUSED``: Netmaker rejected it."""

    DONE = auto()
    ABSENT = auto()
    REFUSED = auto()


_NETWORK: TypeAdapter[FoundNetwork] = TypeAdapter(FoundNetwork)
_NETWORKS: TypeAdapter[list[FoundNetwork] | None] = TypeAdapter(list[FoundNetwork] | None)
_NODES: TypeAdapter[list[FoundNode] | None] = TypeAdapter(list[FoundNode] | None)
_NAMES: TypeAdapter[list[FoundName] | None] = TypeAdapter(list[FoundName] | None)
_KEY: TypeAdapter[FoundKey] = TypeAdapter(FoundKey)
_KEYS: TypeAdapter[list[FoundKey] | None] = TypeAdapter(list[FoundKey] | None)


class NetmakerApi:
    """Calls with the master key, which ``key`` gives at each call; ``look_again`` tells, after a refusal, whether there
    is another now. Raises `EdgeError` (service unavailable) if no answer comes in time, or one that says that Netmaker
    cannot or may not; each such failure is one line of the log."""

    def __init__(
        self,
        url: str,
        key: Callable[[], SecretStr],
        caller: Caller,
        clock: Clock,
        ids: Ids,
        log: Log,
        look_again: Callable[[], bool] = lambda: False,
    ) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._look_again = look_again
        self._caller = caller
        self._clock = clock
        self._ids = ids
        self._log = log

    def check(self) -> None:
        """Whether the server answers at all."""
        self._read("/api/server/status")

    def networks(self) -> list[FoundNetwork]:
        return self._list("/api/networks", _NETWORKS)

    def network(self, name: str) -> FoundNetwork | None:
        path = f"/api/networks/{_segment(name)}"
        body = self._read(path)
        return None if body is None else self._parse(path, body, _NETWORK)

    def create_network(self, name: str, ipv4_range: str) -> Outcome:
        """Create a network without a node limit: enrolment counts the nodes of a cluster."""
        body = {"netid": name, "addressrange": ipv4_range, "isipv4": "yes", "isipv6": "no"}
        return self._write("POST", "/api/networks", body)

    def delete_network(self, name: str) -> Outcome:
        return self._write("DELETE", f"/api/networks/{_segment(name)}")

    def nodes(self, network: str) -> list[FoundNode]:
        """The nodes of an existing network. For a missing one some versions of Netmaker answer as to a wrong key."""
        return self._list(f"/api/nodes/{_segment(network)}", _NODES)

    def host_names(self, network: str) -> list[FoundName]:
        """The names that hosts have by being in the network."""
        return self._list(f"/api/dns/adm/{_segment(network)}/nodes", _NAMES)

    def custom_names(self, network: str) -> list[FoundName]:
        """The names that somebody has entered. A server without any answers that it found none, which is an empty list:
        nothing is ever removed for not being in it."""
        return self._list(f"/api/dns/adm/{_segment(network)}/custom", _NAMES)

    def create_name(self, network: str, name: str, address: str) -> Outcome:
        body = {"name": name, "address": address, "address6": "", "network": network}
        return self._write("POST", f"/api/dns/{_segment(network)}", body)

    def delete_name(self, network: str, name: str) -> Outcome:
        return self._write("DELETE", f"/api/dns/{_segment(network)}/{_segment(name)}")

    def enrollment_keys(self) -> list[FoundKey]:
        return self._list("/api/v1/enrollment-keys", _KEYS)

    def create_enrollment_key(self, network: str, name: str) -> FoundKey | None:
        """Create a key for a single use; None if Netmaker refuses it. ``name`` must be unique. The key has no expiry,
        because Netmaker would ignore the number of uses of one that has."""
        body = {
            "networks": [network],
            "tags": [name],
            "unlimited": False,
            "type": _FOR_SO_MANY_USES,
            "uses_remaining": 1,
            "expiration": 0,
            "relay": "",
            "groups": [],
        }
        path = "/api/v1/enrollment-keys"
        outcome, text = self._call("POST", path, body)
        return self._parse(path, text, _KEY) if outcome is Outcome.DONE else None

    def delete_enrollment_key(self, value: str) -> Outcome:
        """Delete a key. Netmaker's special error for a key that does not exist counts as done."""
        return self._write("DELETE", f"/api/v1/enrollment-keys/{_segment(value)}")

    def admit(self, host_id: str, network: str) -> Outcome:
        """Put a host into a network; done also if it is there already."""
        return self._write("POST", f"/api/hosts/{_segment(host_id)}/networks/{_segment(network)}")

    def dismiss(self, host_id: str, network: str) -> Outcome:
        """Take a host out of a network."""
        return self._write("DELETE", f"/api/hosts/{_segment(host_id)}/networks/{_segment(network)}")

    def delete_host(self, host_id: str) -> Outcome:
        """Delete a host, and remove it from all its networks."""
        return self._write("DELETE", f"/api/hosts/{_segment(host_id)}?force=true")

    # -- inside --------------------------------------------------------------------------------------------------

    def _list(self, path: str, shape: TypeAdapter[list[T] | None]) -> list[T]:
        body = self._read(path)
        found: list[T] | None = None if body is None else self._parse(path, body, shape)
        return found or []

    def _read(self, path: str) -> bytes | None:
        """The body of the answer; None if there is no such thing. Repeated with backoff while requests fail quickly."""
        backoff = Backoff(
            self._clock,
            self._ids,
            first_seconds=_FIRST_PAUSE_SECONDS,
            longest_seconds=_LONGEST_PAUSE_SECONDS,
            patience=PATIENCE,
        )
        while True:
            try:
                outcome, body = self._call("GET", path, None)
            except EdgeError:
                if not backoff.pause():
                    raise
                continue
            if outcome is Outcome.REFUSED:
                raise self._failed("GET", path, reason="refused")
            return body if outcome is Outcome.DONE else None

    def _write(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Outcome:
        return self._call(method, path, body)[0]

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[Outcome, bytes]:
        status, text = self._exchange(method, path, body)
        if status == UNAUTHORIZED and self._look_again():
            status, text = self._exchange(method, path, body)
        if status in range(200, 300):
            return Outcome.DONE, text
        message = _message_of(text)
        if message.startswith(_THERE_ALREADY):
            return Outcome.DONE, text
        # A 404 without Netmaker's message is somebody else's: there is no Netmaker behind this address.
        if message.startswith(_NOT_THERE) or (status == NOT_FOUND and message):
            return Outcome.ABSENT, text
        if status in {400, 403, 409, 422}:
            return Outcome.REFUSED, text
        raise self._failed(method, path, status=status)

    def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
        headers = {"authorization": f"Bearer {self._key().get_secret_value()}", "accept": "application/json"}
        sent = None
        if body is not None:
            headers["content-type"] = "application/json"
            sent = json.dumps(body).encode()
        try:
            answer = self._caller.send(method, f"{self._url}{path}", headers, sent)
        except NoAnswerError as error:
            raise self._failed(method, path, reason=error.reason.value) from error
        except UrlRefusedError as error:
            raise self._failed(method, path, reason=str(error)) from error
        if not answer.is_whole:
            raise self._failed(method, path, reason="cut off, too slow or too large")
        return answer.status, answer.body

    def _parse(self, path: str, body: bytes, shape: TypeAdapter[T]) -> T:
        try:
            return shape.validate_json(body)
        except ValidationError as error:
            # Without its cause: what it quotes may be a token.
            raise self._failed("GET", path, reason=f"{error.error_count()} errors of shape") from None

    def _failed(self, method: str, path: str, *, status: int | None = None, reason: str | None = None) -> EdgeError:
        self._log.line("netmaker_failed", level=Level.WARNING, method=method, path=path, status=status, reason=reason)
        return unavailable()


def netmaker_over_http(
    url: str,
    key: Callable[[], SecretStr],
    clock: Clock,
    ids: Ids,
    log: Log,
    *,
    answer_seconds: float = ANSWER_SECONDS,
    look_again: Callable[[], bool] = lambda: False,
) -> NetmakerApi:
    """Over real connections. Its address is the deployer's own: any is right."""
    outbound = unguarded(total_seconds=answer_seconds, answer_bytes=ANSWER_BYTES)
    return NetmakerApi(url, key, outbound, clock, ids, log, look_again)


def _message_of(text: bytes) -> str:
    try:
        return Failure.model_validate_json(text).message
    except ValidationError:
        return ""


def _segment(text: str) -> str:
    return quote(text, safe="")
