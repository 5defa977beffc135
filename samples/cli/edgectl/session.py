"""The state that all commands share: the profile that they work with, its client, the clock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import typer

from edgectl import profiles
from edgectl.client import Client


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Session:
    """``connect`` and ``now`` are replaced in tests."""

    profile: str | None = None
    url: str | None = None
    connect: Callable[[profiles.Profile], Client] = Client
    now: Callable[[], datetime] = _now
    sleep: Callable[[float], None] | None = None

    def client(self) -> Client:
        """Raises `CliError` if there is no address or no key."""
        return self.connect(profiles.load(self.profile, self.url))


def session_of(context: typer.Context) -> Session:
    """That of the running command."""
    found: Session = context.find_object(Session) or Session()
    return found
