"""Address arithmetic: ranges of IPv4 addresses, and the pools that automatic ranges are cut from. Nothing is stored.

Addresses are plain integers, ends are included.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network

SMALLEST_PREFIX = 30
"""A /30 holds 4 addresses; a longer prefix has no room for two machines and the two reserved addresses."""

_ADDRESS_BITS = 32


@dataclass(frozen=True)
class AddressRange:
    """The addresses from ``start`` to ``end``, a CIDR block."""

    start: int
    end: int

    @classmethod
    def of_cidr(cls, cidr: str) -> "AddressRange":
        """Reads a block; host bits are dropped. Raises ValueError for anything else."""
        network = IPv4Network(cidr, strict=False)
        return cls(int(network.network_address), int(network.broadcast_address))

    @property
    def size(self) -> int:
        return self.end - self.start + 1

    @property
    def prefix(self) -> int:
        return _ADDRESS_BITS - (self.size.bit_length() - 1)

    @property
    def cidr(self) -> str:
        """The canonical text, host bits zero."""
        return str(IPv4Network((self.start, self.prefix)))

    @property
    def first_octets(self) -> range:
        return range(self.start >> 24, (self.end >> 24) + 1)

    def overlaps(self, other: "AddressRange") -> bool:
        return self.start <= other.end and other.start <= self.end


def ranges_of(cidrs: Iterable[str]) -> list[AddressRange]:
    """Those of these texts that are blocks of IPv4 addresses: others can overlap with none of ours."""
    found = []
    for cidr in cidrs:
        with suppress(ValueError):
            found.append(AddressRange.of_cidr(cidr))
    return found


@dataclass(frozen=True)
class Pools:
    """The source of automatic ranges: all subnets of one size, pool after pool, lowest address first. A *slot* is the
    index of a subnet in this sequence, from 0. The ``signature`` shows whether a stored slot still means the same
    subnet.
    """

    pools: tuple[AddressRange, ...]
    prefix: int

    @classmethod
    def of(cls, cidrs: Sequence[str], prefix: int) -> "Pools":
        """Raises ValueError for a pool that is not a CIDR block, or a prefix that is too short for every pool."""
        pools = tuple(AddressRange.of_cidr(cidr.strip()) for cidr in cidrs)
        if not pools:
            raise ValueError("at least one pool is needed")
        if prefix > SMALLEST_PREFIX or any(prefix < pool.prefix for pool in pools):
            raise ValueError(f"subnets of /{prefix} cannot be cut from {', '.join(pool.cidr for pool in pools)}")
        return cls(pools, prefix)

    @property
    def subnet_size(self) -> int:
        return 1 << (_ADDRESS_BITS - self.prefix)

    @cached_property
    def signature(self) -> str:
        return f"{','.join(pool.cidr for pool in self.pools)}/{self.prefix}"

    @property
    def count(self) -> int:
        """How many slots there are."""
        return sum(self._slots_of(pool) for pool in self.pools)

    def at(self, slot: int) -> AddressRange:
        """The subnet of a slot below ``count``. Raises IndexError beyond."""
        left = slot
        for pool in self.pools:
            if left < self._slots_of(pool):
                start = pool.start + left * self.subnet_size
                return AddressRange(start, start + self.subnet_size - 1)
            left -= self._slots_of(pool)
        raise IndexError(f"slot {slot} of {self.count}")

    def pool_of(self, slot: int) -> AddressRange:
        """The pool that the slot lies in. Raises IndexError beyond the last."""
        left = slot
        for pool in self.pools:
            if left < self._slots_of(pool):
                return pool
            left -= self._slots_of(pool)
        raise IndexError(f"slot {slot} of {self.count}")

    def first_slot_of_next_pool(self, slot: int) -> int:
        """The first slot after the pool that ``slot`` lies in; ``count`` if that is the last one."""
        passed = 0
        for pool in self.pools:
            passed += self._slots_of(pool)
            if slot < passed:
                return passed
        return passed

    def first_slot_touching(self, taken: AddressRange) -> int | None:
        """The lowest slot that shares an address with the range; None when no pool does."""
        passed = 0
        for pool in self.pools:
            if pool.overlaps(taken):
                return passed + (max(taken.start, pool.start) - pool.start) // self.subnet_size
            passed += self._slots_of(pool)
        return None

    def _slots_of(self, pool: AddressRange) -> int:
        return pool.size // self.subnet_size
