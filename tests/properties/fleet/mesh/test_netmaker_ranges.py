"""Allocation beside networks of others that come and go, against a model that looks at every subnet in turn."""

from collections.abc import Sequence
from ipaddress import IPv4Network

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.vpn.registry import Registry
from chalicelib.kit.errors import EdgeError, Kind
from tests.unit.fleet.enrollment.world import World

POOLS = ("100.64.0.64/26", "20.0.0.0/27")
PREFIX = 29

ranges = st.builds(
    lambda base, offset, prefix: str(IPv4Network((f"{base}.{offset}", prefix), strict=False)),
    st.sampled_from(["100.64.0", "20.0.0"]),
    st.integers(0, 255),
    st.integers(24, 32),
)


class Neighbours(Registry):
    """A mesh with networks that are not ours."""

    def __init__(self) -> None:
        self.ranges: list[str] = []

    def taken_ranges(self, cluster_name: str) -> Sequence[str]:
        del cluster_name
        return self.ranges


class AllocationBeside(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.neighbours = Neighbours()
        self.world = World(pools=POOLS, prefix=PREFIX, vpn=self.neighbours)
        self.ours: dict[str, IPv4Network] = {}
        self.made = 0

    @rule()
    def allocate(self) -> None:
        name, expected = self._name(), self._first_free()
        outcome = self._create(name)
        assert outcome == (Kind.UNAVAILABLE if expected is None else str(expected))
        if expected is not None:
            self.ours[name] = expected

    @rule(cidr=ranges)
    def come(self, cidr: str) -> None:
        self.neighbours.ranges.append(cidr)

    @rule(data=st.data())
    def go(self, data: st.DataObject) -> None:
        if self.neighbours.ranges:
            self.neighbours.ranges.remove(data.draw(st.sampled_from(self.neighbours.ranges)))

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if self.ours:
            name = data.draw(st.sampled_from(sorted(self.ours)))
            self.world.clusters.delete(name, reach=EVERYWHERE)
            del self.ours[name]

    def _create(self, name: str) -> str | Kind:
        """The range of the new cluster, or why there is none."""
        try:
            return self.world.clusters.create(name, None, None).ipv4_range
        except EdgeError as error:
            return error.kind

    def _name(self) -> str:
        self.made += 1
        return f"c{self.made}"

    def _first_free(self) -> IPv4Network | None:
        taken = [*self.ours.values(), *map(IPv4Network, self.neighbours.ranges)]
        for pool in POOLS:
            for subnet in IPv4Network(pool).subnets(new_prefix=PREFIX):
                if not any(subnet.overlaps(other) for other in taken):
                    return subnet
        return None


TestAllocationBeside = AllocationBeside.TestCase
TestAllocationBeside.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
