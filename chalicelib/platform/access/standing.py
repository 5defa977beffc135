"""Principals that act without a call of theirs, such as the owner of a schedule: as they are now."""

from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.access.principal import Principal, PrincipalKind, known_by, root
from chalicelib.platform.access.rules import is_expired, principal_of
from chalicelib.platform.access.store import ApiKeyStore


class StandingPrincipals:
    """Finds principals by their actor: named keys by their row, with the reach and the permissions that they have now.
    A key of the settings stands for the installation itself, so its holder is always there."""

    def __init__(self, store: ApiKeyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def find(self, actor: str) -> Principal:
        """One consistent read. Raises `EdgeError` (forbidden), which says why, if it may not act any more."""
        kind, principal_id = known_by(actor)
        if kind is PrincipalKind.ROOT:
            return root(actor)
        key = self._store.find(principal_id) if kind is PrincipalKind.KEY else None
        if key is None or not key.verified:
            raise _gone("there is no such key")
        if key.revoked_at is not None:
            raise _gone(f"its key was revoked at {key.revoked_at}")
        if is_expired(key, self._clock.now()):
            raise _gone(f"its key expired at {key.expires_at}")
        return principal_of(key)


def _gone(reason: str) -> EdgeError:
    return EdgeError(Kind.FORBIDDEN, reason)
