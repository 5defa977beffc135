"""A limit for each key, shared by all containers: a container grants a little by itself and leases blocks above that.

Where the row cannot be asked, or speaks of another time than the clock of this container, requests are let through: the
container then grants the whole limit by itself for some seconds.
"""

import math
from dataclasses import dataclass

from chalicelib.kit.clock import Clock
from chalicelib.kit.held import MOST_REMEMBERED, Held
from chalicelib.kit.ids import to_milliseconds
from chalicelib.kit.log import Level, Log, describe
from chalicelib.platform.limits.model import Standing
from chalicelib.platform.limits.rules import LEASE_MS, SKEW_MS, Limit, Look, look_at, most_owed_ms
from chalicelib.platform.limits.store import LimitStore

ALONE_MS = 5_000
"""How long a container does not ask the row again after it could not be asked."""

_SECOND_MS = 1000


@dataclass
class _Share:
    """A container's knowledge and part of one key's limit. Times are in milliseconds since 1970.

    ``own_repaid_at`` is the bucket that it grants from by itself, ``alone_repaid_at`` that of the whole limit while the
    row cannot be asked, until ``alone_until``. ``leased`` requests may be used until ``leased_until``. ``full_at`` is
    the row as last seen; until ``refused_until`` it has nothing.
    """

    own_repaid_at: float = 0.0
    alone_repaid_at: float = 0.0
    alone_until: int = 0
    leased: int = 0
    leased_until: int = 0
    full_at: int = 0
    refused_until: int = 0


class SharedLimits:
    """The limits of keys, as one container grants them."""

    def __init__(self, store: LimitStore, clock: Clock, log: Log, most_subjects: int = MOST_REMEMBERED) -> None:
        self._store = store
        self._clock = clock
        self._log = log
        self._shares = Held[str, _Share](most_subjects)

    def take(self, policy: str, subject: str, limit: Limit) -> Standing:
        """Use one request of the subject's limit, if there is one. At most one write, and none in the ordinary case."""
        share = self._shares.of(subject, _Share)
        now_ms = to_milliseconds(self._clock.now())
        wait_ms = 0.0 if _take_own(share, limit, now_ms) else self._take_shared(subject, share, limit, now_ms)
        return Standing(
            policy=policy,
            quota=limit.quota,
            window_seconds=limit.window_ms // _SECOND_MS,
            remaining=0 if wait_ms else _left(share, limit, now_ms),
            reset_seconds=math.ceil(_owed_ms(share, limit, now_ms) / _SECOND_MS),
            wait_seconds=math.ceil(wait_ms / _SECOND_MS),
        )

    def _take_shared(self, subject: str, share: _Share, limit: Limit, now_ms: int) -> float:
        """The milliseconds to wait, 0 for a request that is granted from what was or is now leased."""
        if share.leased and now_ms < share.leased_until <= now_ms + LEASE_MS:
            share.leased -= 1
            return 0
        if now_ms < share.alone_until <= now_ms + ALONE_MS:
            return _take_alone(share, limit, now_ms)
        if now_ms < share.refused_until <= now_ms + limit.window_ms + SKEW_MS + _SECOND_MS:
            return _sooner(share, limit, now_ms)
        return self._lease(subject, share, limit, now_ms)

    def _lease(self, subject: str, share: _Share, limit: Limit, now_ms: int) -> float:
        try:
            lease = self._store.lease(subject, limit, share.full_at)
        except Exception as error:  # noqa: BLE001 - whatever it is: a limit that cannot be asked refuses nobody
            self._log.line("limit_unavailable", level=Level.WARNING, actor=subject, **describe(error))
            share.alone_until = now_ms + ALONE_MS
            return _take_alone(share, limit, now_ms)
        share.full_at = lease.full_at_ms
        if lease.is_granted:
            share.leased, share.leased_until = limit.block - 1, now_ms + LEASE_MS
            return 0
        if look_at(limit, lease.full_at_ms, now_ms) is Look.AHEAD:
            ahead_seconds = (lease.full_at_ms - now_ms - limit.window_ms) // _SECOND_MS
            self._log.line("limit_clocks_differ", level=Level.WARNING, actor=subject, seconds=ahead_seconds)
            share.alone_until = now_ms + ALONE_MS
            return _take_alone(share, limit, now_ms)
        # In whole seconds, as the caller is told; so many refused containers ask a row once a second at the most.
        wait_ms = max(1, lease.full_at_ms - now_ms - most_owed_ms(limit))
        share.refused_until = now_ms + math.ceil(wait_ms / _SECOND_MS) * _SECOND_MS
        return _sooner(share, limit, now_ms)


def _take_own(share: _Share, limit: Limit, now_ms: int) -> bool:
    if limit.own is None or limit.own.wait_ms(share.own_repaid_at, now_ms):
        return False
    share.own_repaid_at = limit.own.after(share.own_repaid_at, now_ms)
    return True


def _take_alone(share: _Share, limit: Limit, now_ms: int) -> float:
    wait_ms = limit.whole.wait_ms(share.alone_repaid_at, now_ms)
    if not wait_ms:
        share.alone_repaid_at = limit.whole.after(share.alone_repaid_at, now_ms)
    return wait_ms


def _sooner(share: _Share, limit: Limit, now_ms: int) -> float:
    """The milliseconds until this container grants again: from a block, or by itself."""
    by_block = float(share.refused_until - now_ms)
    return by_block if limit.own is None else min(by_block, limit.own.wait_ms(share.own_repaid_at, now_ms))


def _left(share: _Share, limit: Limit, now_ms: int) -> int:
    """The requests that are left, as far as this container knows."""
    if now_ms < share.alone_until:
        return limit.whole.left(share.alone_repaid_at, now_ms)
    leased = share.leased if now_ms < share.leased_until else 0
    own = 0 if limit.own is None else limit.own.left(share.own_repaid_at, now_ms)
    return min(limit.quota, limit.whole.left(share.full_at, now_ms) + leased + own)


def _owed_ms(share: _Share, limit: Limit, now_ms: int) -> float:
    """The milliseconds until the whole limit is there again, as far as this container knows."""
    own_ms = 0.0 if limit.own is None else limit.own.owed_ms(share.own_repaid_at, now_ms)
    return max(own_ms, limit.whole.owed_ms(share.full_at, now_ms))
