"""The limit of wrong keys for each source address."""

from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import rate_limited
from chalicelib.platform.limits.local import LocalLimit
from chalicelib.platform.limits.model import Standing

WRONG_KEYS_PER_SECOND = 1.0
WRONG_KEYS_BURST = 30
"""Wrong keys that one address may offer. A dashboard whose key was withdrawn asks less often."""


class WrongKeys:
    """Counts wrong keys by address, in this container. Callers are not told how many are left."""

    def __init__(self, clock: Clock) -> None:
        self._limit = LocalLimit("wrong-keys", WRONG_KEYS_PER_SECOND, WRONG_KEYS_BURST, clock)

    def check(self, address: str) -> None:
        """Raises `EdgeError` (rate limited) if the address has offered too many. Counts none."""
        _refuse(self._limit.look(address))

    def take(self, address: str) -> None:
        """Count one. Raises `EdgeError` (rate limited) if it is one too many."""
        _refuse(self._limit.take(address))


def _refuse(standing: Standing) -> None:
    if standing.wait_seconds:
        raise rate_limited(standing.wait_seconds)
