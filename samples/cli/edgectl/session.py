"""The state that all commands share: the profile that they work with, its client, the clock."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import typer

from edgectl import profiles, tailing
from edgectl.client import Client


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Session:
    """``connect``, ``now``, ``sleep`` and ``open_socket`` are replaced in tests."""

    profile: str | None = None
    url: str | None = None
    connect: Callable[[profiles.Profile], Client] = Client
    now: Callable[[], datetime] = _now
    sleep: Callable[[float], None] | None = None
    open_socket: tailing.Connect = tailing.connect
    _clients: list[Client] = field(default_factory=list)

    def client(self) -> Client:
        """Raises `CliError` if there is no address or no key."""
        return self.client_of(profiles.load(self.profile, self.url))

    def client_of(self, profile: profiles.Profile) -> Client:
        """A client with this address and key, until `close`."""
        client = self.connect(profile)
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Close the connections of all clients."""
        while self._clients:
            self._clients.pop().close()


def session_of(context: typer.Context) -> Session:
    """That of the running command."""
    found: Session = context.find_object(Session) or Session()
    return found
