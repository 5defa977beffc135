"""A limit for each source address, within one container: keeps one caller without a key from using it up.

It writes nothing: a stranger may have any number of addresses. The gateway's method throttling bounds the sum of all
containers.
"""

import math
from dataclasses import dataclass

from chalicelib.kit.allowance import Allowance
from chalicelib.kit.clock import Clock
from chalicelib.kit.held import MOST_REMEMBERED, Held
from chalicelib.kit.ids import to_milliseconds
from chalicelib.platform.limits.model import Standing


@dataclass
class _Bucket:
    repaid_at_ms: float = 0.0


class LocalLimit:
    """``rate_per_second`` requests an address in the long run, ``burst`` at once."""

    def __init__(
        self, policy: str, rate_per_second: float, burst: int, clock: Clock, most_addresses: int = MOST_REMEMBERED
    ) -> None:
        self._policy = policy
        self._allowance = Allowance(burst, 1000 / rate_per_second)
        self._clock = clock
        self._held = Held[str, _Bucket](most_addresses)

    def take(self, address: str) -> Standing:
        """Use one token of `address`, if there is one."""
        bucket = self._held.of(address, _Bucket)
        now_ms = to_milliseconds(self._clock.now())
        wait_seconds = self._allowance.wait_seconds(bucket.repaid_at_ms, now_ms)
        if not wait_seconds:
            bucket.repaid_at_ms = self._allowance.after(bucket.repaid_at_ms, now_ms)
        return self._standing(bucket, now_ms, wait_seconds)

    def look(self, address: str) -> Standing:
        """The standing of `address`, of which nothing is used."""
        bucket = self._held.of(address, _Bucket)
        now_ms = to_milliseconds(self._clock.now())
        return self._standing(bucket, now_ms, self._allowance.wait_seconds(bucket.repaid_at_ms, now_ms))

    def _standing(self, bucket: _Bucket, now_ms: int, wait_seconds: int) -> Standing:
        allowance = self._allowance
        return Standing(
            policy=self._policy,
            quota=allowance.burst,
            window_seconds=math.ceil(allowance.burst * allowance.milliseconds_each / 1000),
            remaining=allowance.left(bucket.repaid_at_ms, now_ms),
            reset_seconds=math.ceil(allowance.owed_ms(bucket.repaid_at_ms, now_ms) / 1000),
            wait_seconds=wait_seconds,
        )
