"""One HTTP request to an address that was checked before, and its answer; bounded in time and in bytes.

The address is given, the name serves SNI, certificate and Host header only: nothing is resolved here, so a name that
points elsewhere a moment later (DNS rebinding) leads nowhere else.
"""

import logging
import os
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPException
from threading import Timer
from typing import Protocol

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from chalicelib.kit.outbound.target import Target

ANSWER_BYTES = 16 * 1024
"""Of an answer's body no more than this is read; the connection is closed on the rest."""

CONNECT_SECONDS = 5.0
"""For one address; the next is tried then."""

_CHUNK_BYTES = 4096


class Reason(StrEnum):
    """Why there is no answer."""

    UNRESOLVED = "unresolved"
    UNREACHABLE = "unreachable"
    TLS = "tls_failed"
    TIMEOUT = "timeout"
    PROTOCOL = "no_valid_answer"


class NoAnswerError(Exception):
    """No status came back. The request may have arrived all the same."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True)
class Answer:
    """``body`` is the beginning, as sent (never decompressed); ``retry_after`` the header of that name."""

    status: int
    body: bytes = b""
    retry_after: str | None = None


class Exchange(Protocol):
    """What carries a request; tests bring their own."""

    def post(
        self, target: Target, addresses: Sequence[str], headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Answer:
        """Post within ``seconds`` to the first of ``addresses`` that takes a connection. Raises `NoAnswerError`."""
        ...


class HttpExchange:
    """HTTP/1.1 by urllib3, one connection a request. ``ca_file`` replaces the system's certificate authorities."""

    def __init__(self, ca_file: str | None = None) -> None:
        # It warns of odd answers with the whole URL, which may hold a token.
        logging.getLogger("urllib3.connection").setLevel(logging.ERROR)
        self._ca_file = ca_file
        self._context: ssl.SSLContext | None = None

    def post(
        self, target: Target, addresses: Sequence[str], headers: Mapping[str, str], body: bytes, seconds: float
    ) -> Answer:
        deadline = _Deadline(seconds)
        connected = _connect(addresses, target.port, deadline)
        with deadline.ending(connected):
            connection = self._connection(target, connected)
            try:
                return _exchange(connection, target.path, headers, body, deadline)
            except (OSError, HTTPException, HTTPError) as error:
                raise NoAnswerError(_reason_of(error, deadline)) from error
            finally:
                connection.close()
                connected.close()

    def _connection(self, target: Target, connected: socket.socket) -> HTTPConnection:
        if target.is_tls:
            if self._context is None:
                self._context = ssl.create_default_context(cafile=self._ca_file)
            return _TlsOn(target.host, target.port, connected, self._context)
        return _PlainOn(target.host, target.port, connected)


class _PlainOn(HTTPConnection):
    """A connection whose socket is there already."""

    def __init__(self, host: str, port: int, connected: socket.socket) -> None:
        super().__init__(host, port)
        self._connected = connected

    def _new_conn(self) -> socket.socket:
        return self._connected


class _TlsOn(HTTPSConnection):
    """The same, with TLS on it."""

    def __init__(self, host: str, port: int, connected: socket.socket, context: ssl.SSLContext) -> None:
        super().__init__(host, port, ssl_context=context)
        self._connected = connected

    def _new_conn(self) -> socket.socket:
        return self._connected


class _Deadline:
    """Ends a connection when the time is over, whatever it is doing then.

    Socket timeouts only bound the wait for the next byte: a peer that sends one a second would hold a worker for hours.
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
        # TLS takes the socket's descriptor over; a second one of the same connection stays in our hands.
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
    with suppress(OSError):  # the peer was faster: it is down already
        handle.shutdown(socket.SHUT_RDWR)


def _connect(addresses: Sequence[str], port: int, deadline: _Deadline) -> socket.socket:
    error: OSError | None = None
    for address in addresses:
        seconds = min(CONNECT_SECONDS, deadline.seconds_left)
        if seconds <= 0:
            raise NoAnswerError(Reason.TIMEOUT) from error
        try:
            connected = socket.create_connection((address, port), timeout=seconds)
        except OSError as failed:
            error = failed
        else:
            connected.settimeout(max(deadline.seconds_left, 0.001))
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return connected
    raise NoAnswerError(Reason.TIMEOUT if isinstance(error, TimeoutError) else Reason.UNREACHABLE) from error


def _exchange(
    connection: HTTPConnection, path: str, headers: Mapping[str, str], body: bytes, deadline: _Deadline
) -> Answer:
    connection.timeout = max(deadline.seconds_left, 0.001)
    with suppress(BrokenPipeError):  # refused before all was sent: its answer may be there
        connection.request("POST", path, body=body, headers=headers, preload_content=False, decode_content=False)
    response = connection.getresponse()
    if deadline.has_passed:  # cut off within its headers, which http.client takes for their end
        raise TimeoutError
    return Answer(response.status, _beginning(response), response.headers.get("retry-after"))


def _beginning(response: BaseHTTPResponse) -> bytes:
    """As much of the body as comes in time: once there is a status, the rest only informs."""
    parts: list[bytes] = []
    missing = ANSWER_BYTES
    with suppress(OSError, HTTPException, HTTPError):
        while missing and (part := response.read1(min(missing, _CHUNK_BYTES), decode_content=False)):
            parts.append(part)
            missing -= len(part)
    return b"".join(parts)


def _reason_of(error: Exception, deadline: _Deadline) -> Reason:
    if deadline.has_passed or isinstance(error, TimeoutError):
        return Reason.TIMEOUT
    if isinstance(error, ssl.SSLError):
        return Reason.TLS
    return Reason.UNREACHABLE if isinstance(error, ConnectionRefusedError) else Reason.PROTOCOL
