"""Resolves names to addresses within a time limit."""

import socket
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Protocol


class UnresolvedError(Exception):
    """The name has no address, or the resolver did not answer in time."""


class Resolver(Protocol):
    """The resolver that the guard uses. Tests pass their own."""

    def resolve(self, host: str, seconds: float) -> Sequence[str]:
        """All addresses of a name or of an address in any notation, at least one. Raises `UnresolvedError`."""
        ...


class SystemResolver:
    """The operating system's resolver. It also reads ``0x7f.1`` as 127.0.0.1, so the guard checks the address that
    would be reached."""

    def resolve(self, host: str, seconds: float) -> Sequence[str]:
        found: SimpleQueue[Sequence[str]] = SimpleQueue()
        # getaddrinfo has no timeout. An abandoned thread ends when the resolver gives up.
        Thread(target=lambda: found.put(_addresses(host)), name="resolver", daemon=True).start()
        try:
            addresses = found.get(timeout=max(seconds, 0))
        except Empty as error:
            raise UnresolvedError("no answer in time") from error
        if not addresses:
            raise UnresolvedError("no such name")
        return addresses


def _addresses(host: str) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(info[4][0]) for info in found))
