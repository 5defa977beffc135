"""Holders of keys as a test names them, beside those of the settings."""

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.platform.access.identities import Identities
from chalicelib.platform.access.principal import Principal


class FakeIdentities:
    """Knows the keys that `hold` gives, and whatever ``real`` knows."""

    def __init__(self, real: Identities) -> None:
        self._real = real
        self._holders: dict[str, Principal] = {}

    def hold(self, principal: Principal) -> str:
        """A key of its own for this principal."""
        key = f"held-key-{len(self._holders)}"
        self._holders[key] = replace(principal, actor=f"key:{key}", id=key)
        return key

    def identify(self, bearer: str | None, accepted: Sequence[str], address: str) -> Principal:
        return self._holders.get(bearer or "") or self._real.identify(bearer, accepted, address)
