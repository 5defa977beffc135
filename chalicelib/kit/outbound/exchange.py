"""Sends one HTTP request to a resolved address and reads the answer; bounded in time and size.

The host name is used only for SNI, the certificate and the Host header. Nothing is resolved here, so a name that
changes after the check (DNS rebinding) has no effect.
"""

import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Timer
from typing import Protocol

from chalicelib.kit.outbound.heads import KEPT, BoundedResponse
from chalicelib.kit.outbound.target import Target

CONNECT_SECONDS = 5.0
"""The timeout for one address, after which the next is tried."""

_CHUNK_BYTES = 64 * 1024


class Reason(StrEnum):
    """The reason for a missing answer."""

    UNRESOLVED = "unresolved"
    UNREACHABLE = "unreachable"
    TLS = "tls_failed"
    TIMEOUT = "timeout"
    PROTOCOL = "no_valid_answer"


class NoAnswerError(Exception):
    """No status was received. ``may_have_arrived``: the server may have received the request."""

    def __init__(self, reason: Reason, *, may_have_arrived: bool = True) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.may_have_arrived = may_have_arrived


@dataclass(frozen=True)
class Call:
    """A request with its limits: total seconds, and bytes of the answer's body to keep."""

    method: str
    target: Target
    headers: Mapping[str, str]
    body: bytes | None
    seconds: float
    answer_bytes: int


@dataclass(frozen=True)
class Answer:
    """The answer. ``body`` is the beginning of the body as sent (never decompressed), complete if ``is_whole``;
    ``headers`` are those of `heads.KEPT`, by their names in lower case. A location may hold a key of its server's."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_whole: bool = True


class Exchange(Protocol):
    """The transport of requests. Tests pass their own."""

    def send(self, call: Call, addresses: Sequence[str]) -> Answer:
        """Send the request to the first of ``addresses`` that accepts a connection. Raises `NoAnswerError`."""
        ...


class HttpExchange:
    """HTTP/1.1 with the standard library, one connection per request. ``ca_file`` replaces the system's certificate
    authorities."""

    def __init__(self, ca_file: str | None = None) -> None:
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None

    def send(self, call: Call, addresses: Sequence[str]) -> Answer:
        deadline = _Deadline(call.seconds)
        connected = _connect(addresses, call.target.port, deadline)
        with deadline.ending(connected):
            connection: HTTPConnection | None = None
            try:
                connection = self._connection(call.target, connected)
                return _exchange(connection, call, deadline)
            except (OSError, HTTPException) as error:
                raise NoAnswerError(_reason_of(error, deadline), may_have_arrived=connection is not None) from error
            finally:
                if connection is not None:
                    connection.close()
                connected.close()

    def _connection(self, target: Target, connected: socket.socket) -> HTTPConnection:
        """An HTTP connection over the connected socket."""
        if not target.is_tls:
            plain = HTTPConnection(target.host, target.port)
            plain.response_class = BoundedResponse
            plain.sock = connected
            return plain
        if self._context is None:
            self._context = ssl.create_default_context(cafile=self._ca_file)
            self._context.set_alpn_protocols(["http/1.1"])
        secured = HTTPSConnection(target.host, target.port, context=self._context)
        secured.response_class = BoundedResponse
        secured.sock = self._context.wrap_socket(connected, server_hostname=target.host)
        return secured


class _Deadline:
    """Shuts a connection down when its total time is over.

    Socket timeouts only bound the wait for the next byte: a peer that sends a byte per second would occupy a worker for
    hours.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def seconds_left(self) -> float:
        return self._end - time.monotonic()

    @property
    def has_passed(self) -> bool:
        return self.seconds_left <= 0

    @contextmanager
    def ending(self, connected: socket.socket) -> Iterator[None]:
        # TLS takes over the socket's descriptor, so we keep a second one for the same connection.
        handle = socket.socket(fileno=os.dup(connected.fileno()))
        timer = Timer(max(self.seconds_left, 0), _shut_down, (handle,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            handle.close()


def _shut_down(handle: socket.socket) -> None:
    with suppress(OSError):  # the peer has already closed it
        handle.shutdown(socket.SHUT_RDWR)


def _connect(addresses: Sequence[str], port: int, deadline: _Deadline) -> socket.socket:
    error: OSError | None = None
    for address in addresses:
        seconds = min(CONNECT_SECONDS, deadline.seconds_left)
        if seconds <= 0:
            raise NoAnswerError(Reason.TIMEOUT, may_have_arrived=False) from error
        try:
            connected = socket.create_connection((address, port), timeout=seconds)
        except OSError as failed:
            error = failed
        else:
            connected.settimeout(max(deadline.seconds_left, 0.001))
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
    reason = Reason.TIMEOUT if isinstance(error, TimeoutError) else Reason.UNREACHABLE
    raise NoAnswerError(reason, may_have_arrived=False) from error


def _exchange(connection: HTTPConnection, call: Call, deadline: _Deadline) -> Answer:
    try:
        with suppress(BrokenPipeError):  # the server refused before it read everything: its answer may be there
            connection.request(call.method, call.target.path, body=call.body, headers=dict(call.headers))
    except ValueError:  # a header that cannot be sent. Without its cause, which quotes it: it may be a key
        raise NoAnswerError(Reason.PROTOCOL, may_have_arrived=False) from None
    response = connection.getresponse()
    assert isinstance(response, BoundedResponse)  # noqa: S101 - the connection's response class
    with closing(response):  # closing the connection alone does not close the reader
        body, is_whole = _beginning(response, call.answer_bytes)
    is_whole = is_whole and not deadline.has_passed  # our own shutdown looks like the end of the body
    told = {name: value.strip() for name in KEPT if (value := response.headers.get(name)) is not None}
    return Answer(response.status, body, told, is_whole)


def _beginning(response: BoundedResponse, most_bytes: int) -> tuple[bytes, bool]:
    """The beginning of the body, up to the limit and the deadline, and whether it is complete. A read error is ignored:
    the status is what counts."""
    if not most_bytes:
        return b"", False
    read = bytearray()
    try:
        while len(read) <= most_bytes and (part := response.read1(min(most_bytes + 1 - len(read), _CHUNK_BYTES))):
            read += part
    except (OSError, HTTPException):
        return bytes(read[:most_bytes]), False
    return bytes(read[:most_bytes]), len(read) <= most_bytes and not response.is_missing_bytes


def _reason_of(error: Exception, deadline: _Deadline) -> Reason:
    if deadline.has_passed or isinstance(error, TimeoutError):
        return Reason.TIMEOUT
    return Reason.TLS if isinstance(error, ssl.SSLError) else Reason.PROTOCOL
