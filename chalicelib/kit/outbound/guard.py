"""The SSRF guard: resolves a name once, refuses private addresses, and sends only to the checked addresses."""

import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from chalicelib.kit.outbound.addresses import is_denied
from chalicelib.kit.outbound.exchange import Answer, Call, Exchange, HttpExchange, NoAnswerError, Reason
from chalicelib.kit.outbound.resolver import Resolver, SystemResolver, UnresolvedError
from chalicelib.kit.outbound.target import Target, UrlRefusedError, parse_target

TOTAL_SECONDS = 10.0
"""The default timeout of one request."""

ANSWER_BYTES = 16 * 1024
"""The maximum of an answer's body that is kept; the rest is not read."""

CHECK_SECONDS = 3.0
"""The timeout of the resolver when a URL is only checked: an API caller waits for the answer."""

DENIED_NAMES = frozenset({"metadata.google.internal", "metadata.azure.internal", "metadata.tencentyun.com"})
"""Names of metadata services, refused regardless of their addresses."""


class Caller(Protocol):
    """The interface for callers that send requests. Tests pass their own."""

    def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """See `Outbound.send`."""
        ...


class Outbound:
    """Sends requests to URLs that users chose. Each request, from name resolution to the last byte, takes at most
    ``total_seconds`` and keeps ``answer_bytes`` of the answer's body (0: it is not read).

    ``allow_private`` permits private names and addresses, for machines in our own networks; all other checks remain.
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
        resolve later, and every `send` checks again."""
        target = parse_target(url)
        try:
            self._addresses(target, CHECK_SECONDS)
        except UnresolvedError:
            return

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Send one request, without redirects or retries. ``headers`` are sent unchanged, in addition to Host,
        Content-Length and Accept-Encoding. ``seconds`` bounds this request where that is less than the usual.

        Raises `UrlRefusedError` if nothing was sent, `NoAnswerError` if no status was received.
        """
        started = time.monotonic()
        total = self._total_seconds if seconds is None else min(seconds, self._total_seconds)
        target = parse_target(url)
        try:
            addresses = self._addresses(target, total)
        except UnresolvedError as error:
            raise NoAnswerError(Reason.UNRESOLVED, may_have_arrived=False) from error
        left = total - (time.monotonic() - started)
        return self._exchange.send(Call(method, target, headers, body, left, self._answer_bytes), addresses)

    def _addresses(self, target: Target, seconds: float) -> Sequence[str]:
        """All addresses of the target. Raises `UrlRefusedError` if any of them is denied."""
        if not self._allow_private and target.host in DENIED_NAMES:
            raise UrlRefusedError(f"host {target.host} is on the SSRF deny list")
        addresses = [target.host] if target.is_address else self._resolver.resolve(target.host, seconds)
        for address in addresses:
            if not self._allow_private and is_denied(address):
                raise UrlRefusedError(f"host {target.host} resolves to {address} which is in a denied range")
        return addresses


def unguarded(*, total_seconds: float, answer_bytes: int) -> Outbound:
    """An `Outbound` for addresses in our own networks, which the guard would refuse: a deployer's server, or the
    address that a node registered. A request may take ``total_seconds``, its answer have ``answer_bytes``."""
    return Outbound(
        SystemResolver(), HttpExchange(), allow_private=True, total_seconds=total_seconds, answer_bytes=answer_bytes
    )
