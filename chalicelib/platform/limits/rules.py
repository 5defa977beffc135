"""How the limit of a key is shared by containers. Pure.

The row of a key is a token bucket: it holds the requests of a window, usually a minute, and is filled evenly. A
container takes whole blocks from it. The requests that a container grants by itself are not counted there.
"""

import math
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network

from chalicelib.kit.allowance import Allowance
from chalicelib.platform.limits.model import Standing

WINDOW_MS = 60_000
"""The window of a limit that is given by the minute."""

EXACT_BELOW = 100
"""Requests a minute below which each request is counted in the row."""

OWN_PER_SECOND = 10
OWN_PART = 10
"""A container grants so many requests a second by itself, but at most one part of so many of the limit: several
containers would otherwise multiply a small limit."""

BLOCK = 100
"""Requests in a block, at most; more only where a limit would need more than `LEASES_PER_SECOND`."""

BLOCKS_PER_MINUTE = 20
"""Blocks that the bucket of a small limit holds, so that a few containers do not hold all of it."""

LEASES_PER_SECOND = 10
"""Blocks of one key in the long run: what bounds the writes to its row."""

LEASE_MS = 60_000
"""How long a container may use what it has leased."""

SKEW_MS = 5_000
"""How far clocks of containers may differ. A row that owes more than a bucket can, and this, was written by a clock
that is wrong, or is read by one."""


NETWORK_BITS, NETWORK_BITS_OF_IPV6 = 24, 48
"""The leading bits of an IP address that one holder of addresses has alone, as a rule."""


@dataclass(frozen=True)
class Limit:
    """A limit of requests as containers share it: ``quota`` in ``window_ms`` milliseconds. ``whole`` is its bucket,
    ``own`` what each container grants by itself, ``block`` the requests that it takes from the row at once, and
    ``cost_ms`` what those are in the row."""

    quota: int
    window_ms: int
    whole: Allowance
    own: Allowance | None
    block: int
    cost_ms: int


@cache
def limit_of(quota: int, window_ms: int = WINDOW_MS) -> Limit:
    """The limit of so many requests in a window, by default a minute; at least 1."""
    per_minute = quota * WINDOW_MS // window_ms
    block = 1
    own = None
    if per_minute >= EXACT_BELOW:
        block = max(min(BLOCK, per_minute // BLOCKS_PER_MINUTE), per_minute // (60 * LEASES_PER_SECOND))
        own_per_second = min(OWN_PER_SECOND, per_minute / 60 / OWN_PART)
        own = Allowance(max(1, int(own_per_second)), 1000 / own_per_second)
    cost_ms = block * window_ms // quota
    return Limit(quota, window_ms, Allowance(quota, cost_ms / block), own, block, cost_ms)


class Look(Enum):
    """The state of a row when one more block is asked for."""

    FULL = auto()
    """Everything, and it says nothing that still matters."""
    ROOM = auto()
    EMPTY = auto()
    AHEAD = auto()
    """It owes more than a bucket can: clocks differ by more than `SKEW_MS`."""


def look_at(limit: Limit, full_at_ms: int, now_ms: int) -> Look:
    """The state of a row whose bucket is full again at that time; 0 without a row."""
    owed_ms = full_at_ms - now_ms
    if owed_ms <= 0:
        return Look.FULL
    if owed_ms > limit.window_ms + SKEW_MS:
        return Look.AHEAD
    return Look.ROOM if owed_ms <= most_owed_ms(limit) else Look.EMPTY


def standing_of(policy: str, limit: Limit, full_at_ms: int, now_ms: int) -> Standing:
    """The rest of a limit whose row is full again at that time, as the row alone tells it."""
    wait_ms = max(0, full_at_ms - now_ms - most_owed_ms(limit))
    return Standing(
        policy=policy,
        quota=limit.quota,
        window_seconds=limit.window_ms // 1000,
        remaining=0 if wait_ms else limit.whole.left(full_at_ms, now_ms),
        reset_seconds=math.ceil(limit.whole.owed_ms(full_at_ms, now_ms) / 1000),
        wait_seconds=math.ceil(wait_ms / 1000),
    )


def most_owed_ms(limit: Limit) -> int:
    """The most that a row may owe for another block to be granted. It holds whole blocks: the rest of the window, less
    than one of them, would be a part of a request too much."""
    return (limit.window_ms // limit.cost_ms - 1) * limit.cost_ms


def network_of(source: str) -> str:
    """The network of an IP address: its holder has many addresses. Another text as it is."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    bits = NETWORK_BITS if address.version == 4 else NETWORK_BITS_OF_IPV6  # noqa: PLR2004 - the name of a protocol
    return str(ip_network(f"{address}/{bits}", strict=False))
