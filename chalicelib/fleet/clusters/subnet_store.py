"""Allocates address ranges: one partition of ranges that never overlap, and a head row that orders their changes.

Since stored ranges do not overlap, the only one that can reach into a new range is the one with the greatest start at
or below the new end. Every change increments the head's version, on the condition that it is still the one read before
the search, so no other change can come between search and write.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network

from chalicelib.fleet.clusters.model import IPV6_PREFIX
from chalicelib.fleet.clusters.ranges import AddressRange, Pools
from chalicelib.kit.tables import (
    Absent,
    Between,
    Condition,
    Delete,
    Equals,
    Item,
    Key,
    Query,
    Set,
    Table,
    Tables,
    Update,
    Write,
    put_new,
)

SUBNETS = Table("subnets", partition="space", sort="start", numbers=frozenset({"start"}))

_SPACE = "ipv4"
_HEAD_START = -1
_LOWEST_ADDRESS = 0
_PAGE_ROWS = 1000


@dataclass(frozen=True)
class Head:
    """``version`` 0 stands for no row yet. No slot of the pools below ``lowest_free_hint`` is free."""

    version: int
    lowest_free_hint: int


@dataclass(frozen=True)
class Found:
    """A free range. ``is_lowest``: true unless a free range was skipped because a foreign network holds it."""

    range: AddressRange
    is_lowest: bool


class Subnets:
    """Finds free ranges, and makes the writes that take or free a range; the caller commits them with the cluster."""

    def __init__(self, tables: Tables, pools: Pools) -> None:
        self._tables = tables
        self._pools = pools

    @property
    def prefix(self) -> int:
        """The prefix length of automatic ranges."""
        return self._pools.prefix

    def head(self) -> Head:
        """The head row. Read it before anything else of this class, and pass it to the writes."""
        row = self._tables.get(SUBNETS, {"space": _SPACE, "start": _HEAD_START})
        if row is None:
            return Head(0, 0)
        hint = row.get("lowest_free_hint")
        # A slot number that was counted through other pools says nothing about these.
        valid = row.get("pools") == self._pools.signature
        return Head(_number(row, "version"), hint if valid and isinstance(hint, int) else 0)

    def is_free(self, wanted: AddressRange) -> bool:
        """Whether no taken range shares an address with it."""
        taken = self._last_starting_by(wanted.end)
        return taken is None or not taken.overlaps(wanted)

    def first_free(self, head: Head, foreign: Sequence[AddressRange]) -> Found | None:
        """The lowest free subnet of the pools that shares no address with a ``foreign`` range; None when there is
        none."""
        slot, is_lowest = head.lowest_free_hint, True
        while slot < self._pools.count:
            pool = self._pools.pool_of(slot)
            gap = self._first_gap(self._pools.at(slot).start, pool)
            if gap is None:
                slot = self._pools.first_slot_of_next_pool(slot)
                continue
            in_the_way = [other.end for other in foreign if other.overlaps(gap)]
            if not in_the_way:
                return Found(gap, is_lowest)
            is_lowest = False
            slot = self._slot_behind(max(in_the_way), slot, pool)
        return None

    def take(self, head: Head, wanted: AddressRange, cluster_id: str) -> list[Write]:
        """Take a range that the caller named."""
        return [self._row(wanted, cluster_id), self._move_head(head, head.lowest_free_hint)]

    def take_first_free(self, head: Head, found: AddressRange, cluster_id: str) -> list[Write]:
        """Take what `first_free` found: nothing up to it is free any more."""
        slot = self._pools.first_slot_touching(found)
        hint = head.lowest_free_hint if slot is None else slot + 1
        return [self._row(found, cluster_id), self._move_head(head, hint)]

    def release(self, head: Head, taken: AddressRange, cluster_id: str) -> list[Write]:
        """Free the range of a cluster; the next search starts no later than there."""
        slot = self._pools.first_slot_touching(taken)
        hint = head.lowest_free_hint if slot is None else min(slot, head.lowest_free_hint)
        key: Key = {"space": _SPACE, "start": taken.start}
        return [Delete(SUBNETS, key, Equals("cluster_id", cluster_id)), self._move_head(head, hint)]

    def take_ipv6(self, wanted: str, cluster_id: str) -> Write:
        """Take an IPv6 range; fails if another cluster has asked for it. Ranges of this kind are equal or apart, so
        none needs a search."""
        return put_new(SUBNETS, {**_ipv6_key(wanted), "cluster_id": cluster_id})

    def release_ipv6(self, taken: str, cluster_id: str) -> Write:
        """Free an IPv6 range that a cluster has asked for."""
        return Delete(SUBNETS, _ipv6_key(taken), Equals("cluster_id", cluster_id))

    def _first_gap(self, start: int, pool: AddressRange) -> AddressRange | None:
        """The first free subnet of the pool at or after ``start``, which is the start of one."""
        size = self._pools.subnet_size
        position = start
        before = self._last_starting_by(start)
        if before is not None and before.end >= start:
            position = self._next_start(pool, before.end)
        rows = Query(SUBNETS, _SPACE, sort=Between(position, pool.end), consistent=True, limit=_PAGE_ROWS)
        for page in self._tables.pages(rows):
            for row in page.items:
                taken = _range_of(row)
                if position + size <= taken.start:
                    break
                position = self._next_start(pool, taken.end)
            else:
                continue
            break
        return AddressRange(position, position + size - 1) if position + size - 1 <= pool.end else None

    def _slot_behind(self, address: int, slot: int, pool: AddressRange) -> int:
        """The first slot of the pool that begins behind the address; the next pool's first where there is none."""
        start = self._next_start(pool, address)
        if start + self._pools.subnet_size - 1 > pool.end:
            return self._pools.first_slot_of_next_pool(slot)
        return slot + (start - self._pools.at(slot).start) // self._pools.subnet_size

    def _next_start(self, pool: AddressRange, address: int) -> int:
        """The start of the pool's first subnet that lies completely after the address."""
        size = self._pools.subnet_size
        return pool.start + ((address - pool.start) // size + 1) * size

    def _last_starting_by(self, address: int) -> AddressRange | None:
        reach = Between(_LOWEST_ADDRESS, address)
        query = Query(SUBNETS, _SPACE, sort=reach, descending=True, limit=1, consistent=True)
        items = self._tables.query(query).items
        return _range_of(items[0]) if items else None

    def _row(self, taken: AddressRange, cluster_id: str) -> Write:
        return put_new(SUBNETS, {"space": _SPACE, "start": taken.start, "end": taken.end, "cluster_id": cluster_id})

    def _move_head(self, head: Head, hint: int) -> Write:
        unchanged: Condition = Absent("version") if head.version == 0 else Equals("version", head.version)
        changes = (Set("lowest_free_hint", hint), Set("pools", self._pools.signature))
        return Update(SUBNETS, {"space": _SPACE, "start": _HEAD_START}, changes, unchanged)


def _ipv6_key(text: str) -> Key:
    return {"space": "ipv6", "start": int(IPv6Network(text).network_address) >> IPV6_PREFIX}


def _range_of(row: Item) -> AddressRange:
    return AddressRange(_number(row, "start"), _number(row, "end"))


def _number(row: Item, name: str) -> int:
    value = row[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} of a subnet is no number")
    return value
