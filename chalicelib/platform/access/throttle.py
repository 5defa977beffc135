"""A token bucket per source address: keeps one caller of the public routes from using up a container.

It bounds one container only; the gateway's method throttling bounds the sum.
"""

from collections import OrderedDict

from chalicelib.kit.allowance import Allowance
from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import rate_limited
from chalicelib.kit.ids import to_milliseconds

DEFAULT_MAX_ADDRESSES = 10_000
"""Buckets kept, about 2 MB; beyond it the address that was silent longest starts afresh."""

WRONG_KEYS_PER_SECOND = 1.0
WRONG_KEYS_BURST = 30
"""Wrong keys that one address may offer. A dashboard whose key was withdrawn asks less often."""


class Throttle:
    """``rate_per_second`` requests an address in the long run, ``burst`` at once."""

    def __init__(
        self, rate_per_second: float, burst: int, clock: Clock, max_addresses: int = DEFAULT_MAX_ADDRESSES
    ) -> None:
        self._allowance = Allowance(burst, 1000 / rate_per_second)
        self._clock = clock
        self._max_addresses = max_addresses
        self._repaid_at_ms: OrderedDict[str, float] = OrderedDict()

    def check(self, address: str) -> None:
        """Raises `EdgeError` (rate limited) if there is no token for `address`. Uses none."""
        wait_seconds = self._wait_seconds(address)
        if wait_seconds:
            raise rate_limited(wait_seconds)

    def take(self, address: str) -> None:
        """Use one token of `address`. Raises `EdgeError` (rate limited) with the seconds until there is one."""
        repaid_at_ms = self._repaid_at_ms.get(address, 0.0)
        wait_seconds = self._wait_seconds(address)
        if not wait_seconds:
            repaid_at_ms = self._allowance.after_one(repaid_at_ms, self._now_ms())
        self._repaid_at_ms[address] = repaid_at_ms
        self._repaid_at_ms.move_to_end(address)
        if len(self._repaid_at_ms) > self._max_addresses:
            self._repaid_at_ms.popitem(last=False)
        if wait_seconds:
            raise rate_limited(wait_seconds)

    def _wait_seconds(self, address: str) -> int:
        return self._allowance.wait_seconds(self._repaid_at_ms.get(address, 0.0), self._now_ms())

    def _now_ms(self) -> int:
        return to_milliseconds(self._clock.now())
