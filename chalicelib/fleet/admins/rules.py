"""Assigns clusters to admins. Pure, so that every stack computes the same result from the same rows.

An admin's *budget* is its ``max_wireguard_peers``; what the other admins leave of it is its *capacity* for nodes.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

TICK = timedelta(minutes=1)
"""The heartbeat's rate."""

LIVE_FOR = 3 * TICK
"""An admin that was not seen for this long counts as dead, and its clusters go to the others."""


def is_live(last_seen_at: datetime, now: datetime) -> bool:
    """Whether its last heartbeat is younger than three ticks. One from a clock ahead of ours is."""
    return now - last_seen_at < LIVE_FOR


def capacity_of(budget: int, total_admins: int) -> int:
    """The nodes that one of so many admins can own. Never negative: an admin whose budget the others use up owns
    nothing, and takes nothing from what the others can own."""
    return max(0, budget - (total_admins - 1))


def total_capacity(budgets: Mapping[str, int]) -> int:
    """The nodes that all of them can own together."""
    return sum(capacity_of(budget, len(budgets)) for budget in budgets.values())


def is_degraded(total_nodes: int, budgets: Mapping[str, int]) -> bool:
    """More nodes than room. Clusters can be orphaned without it, where the room is in pieces; never the reverse."""
    return total_nodes > total_capacity(budgets)


def weak_leader_of(names: Collection[str]) -> str:
    """The smallest name: no election, no quorum. Raises ValueError if there is none."""
    return min(names)


def assign(
    sizes: Mapping[str, int], budgets: Mapping[str, int], owners: Mapping[str, str]
) -> tuple[dict[str, list[str]], list[str]]:
    """The clusters of each admin and those that found no room, from the nodes that each cluster has, the admins'
    budgets and the owners before.

    The largest cluster chooses first, of two as large the one whose name sorts first. Among the admins with room for
    all of it, it takes the one with the fewest clusters by now, then with the most room, then its owner before, then
    the smallest name.
    """
    room = {admin: capacity_of(budget, len(budgets)) for admin, budget in budgets.items()}
    owned: dict[str, list[str]] = {admin: [] for admin in sorted(budgets)}
    orphaned: list[str] = []
    for cluster, size in sorted(sizes.items(), key=lambda each: (-each[1], each[0])):
        before = owners.get(cluster)
        ranks = [(len(owned[admin]), -left, admin != before, admin) for admin, left in room.items() if size <= left]
        if not ranks:
            orphaned.append(cluster)
            continue
        *_, chosen = min(ranks)
        owned[chosen].append(cluster)
        room[chosen] -= size
    return owned, orphaned
