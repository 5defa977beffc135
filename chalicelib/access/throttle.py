"""A token bucket per source address: keeps one caller of the public routes from using up a container.

It bounds one container only; the gateway's method throttling bounds the sum.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from chalicelib.kit.clock import Clock
from chalicelib.kit.errors import EdgeError, Kind

DEFAULT_MAX_ADDRESSES = 10_000
"""Buckets kept, about 3 MB; beyond it the address that was silent longest starts afresh."""

WRONG_KEYS_PER_SECOND = 1.0
WRONG_KEYS_BURST = 30
"""Keys that are none, from one address. A dashboard with a key that was withdrawn asks less often."""


@dataclass
class _Bucket:
    tokens: float
    at: datetime


class Throttle:
    """``rate_per_second`` requests an address in the long run, ``burst`` at once."""

    def __init__(
        self, rate_per_second: float, burst: int, clock: Clock, max_addresses: int = DEFAULT_MAX_ADDRESSES
    ) -> None:
        self._rate = rate_per_second
        self._burst = burst
        self._clock = clock
        self._max_addresses = max_addresses
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, address: str) -> None:
        """Use one token of `address`. Raises EdgeError rate_limited with the seconds until there is one."""
        now = self._clock.now()
        bucket = self._buckets.setdefault(address, _Bucket(self._burst, now))
        self._buckets.move_to_end(address)
        if len(self._buckets) > self._max_addresses:
            self._buckets.popitem(last=False)
        elapsed_seconds = max(0.0, (now - bucket.at).total_seconds())
        bucket.tokens = min(self._burst, bucket.tokens + elapsed_seconds * self._rate)
        bucket.at = now
        if bucket.tokens < 1:
            wait_seconds = math.ceil((1 - bucket.tokens) / self._rate)
            raise EdgeError(Kind.RATE_LIMITED, "Too Many Requests", retry_after_seconds=wait_seconds)
        bucket.tokens -= 1
