"""The guard: resolves once, refuses what is not public, and sends only to the addresses that it has checked."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from chalicelib.kit.outbound.addresses import is_denied
from chalicelib.kit.outbound.exchange import Answer, Call, Exchange, NoAnswerError, Reason
from chalicelib.kit.outbound.resolver import Resolver, UnresolvedError
from chalicelib.kit.outbound.target import Target, UrlRefusedError, parse_target

TOTAL_SECONDS = 10.0
"""For one request, unless told otherwise."""

ANSWER_BYTES = 16 * 1024
"""Of an answer's body no more than this is kept; the connection is closed on the rest."""

CHECK_SECONDS = 3.0
"""For the resolver when a URL is only checked: somebody waits for the answer."""

DENIED_NAMES = frozenset({"metadata.google.internal", "metadata.azure.internal", "metadata.tencentyun.com"})
"""Names of metadata services, refused whatever they resolve to."""


class Caller(Protocol):
    """What those need who make requests; tests bring their own."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """As `Outbound.send`."""
        ...


class Outbound:
    """Sends to URLs that strangers chose, each request within ``total_seconds``, from the question to the resolver to
    the last byte, keeping ``answer_bytes`` of an answer's body (0: it is not read).

    ``allow_private`` lifts what depends on name and address, nothing else: for machines in networks of our own.
    """

    def __init__(
        self,
        resolver: Resolver,
        exchange: Exchange,
        *,
        allow_private: bool = False,
        total_seconds: float = TOTAL_SECONDS,
        answer_bytes: int = ANSWER_BYTES,
    ) -> None:
        self._resolver = resolver
        self._exchange = exchange
        self._allow_private = allow_private
        self._total_seconds = total_seconds
        self._answer_bytes = answer_bytes

    def check(self, url: str) -> None:
        """Raises `UrlRefusedError` for a URL that would be refused now. A name that does not resolve passes: it may
        later, and is looked at again by every `send`."""
        target = parse_target(url)
        try:
            self._addresses(target, CHECK_SECONDS)
        except UnresolvedError:
            return

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """One request, no redirect, no repeat. ``headers`` go out as they are, beside Host, Content-Length and
        Accept-Encoding.

        Raises `UrlRefusedError` where nothing was sent, `NoAnswerError` where no status came back.
        """
        started = time.monotonic()
        target = parse_target(url)
        try:
            addresses = self._addresses(target, self._total_seconds)
        except UnresolvedError as error:
            raise NoAnswerError(Reason.UNRESOLVED, may_have_arrived=False) from error
        left = self._total_seconds - (time.monotonic() - started)
        return self._exchange.send(Call(method, target, headers, body, left, self._answer_bytes), addresses)

    def _addresses(self, target: Target, seconds: float) -> Sequence[str]:
        """Where to connect: all addresses of the target, of which not one is denied."""
        if not self._allow_private and target.host in DENIED_NAMES:
            raise UrlRefusedError(f"host {target.host} is on the SSRF deny list")
        addresses = [target.host] if target.is_address else self._resolver.resolve(target.host, seconds)
        for address in addresses:
            if not self._allow_private and is_denied(address):
                raise UrlRefusedError(f"host {target.host} resolves to {address} which is in a denied range")
        return addresses
