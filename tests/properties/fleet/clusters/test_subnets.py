"""Allocation against a model that looks at every subnet in turn and knows no hint."""

from ipaddress import IPv4Network

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chalicelib.fleet.clusters.ranges import AddressRange
from chalicelib.fleet.clusters.subnet_store import SUBNETS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from tests.unit.fleet.enrollment.world import World

POOLS = ("100.64.0.64/26", "20.0.0.0/27", "100.64.0.128/27")
PREFIX = 29
SUBNET_COUNT = 8 + 4 + 4

# Around and inside the pools, from wider than a pool to smaller than a subnet.
wanted_ranges = st.builds(
    lambda base, offset, prefix: str(IPv4Network((f"{base}.{offset}", prefix), strict=False)),
    st.sampled_from(["100.64.0", "20.0.0"]),
    st.integers(0, 255),
    st.integers(25, 30),
)


class Allocation(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(pools=POOLS, prefix=PREFIX)
        self.taken: dict[str, IPv4Network] = {}
        self.made = 0

    def _name(self) -> str:
        self.made += 1
        return f"c{self.made}"

    def _first_free(self) -> IPv4Network | None:
        for pool in POOLS:
            for subnet in IPv4Network(pool).subnets(new_prefix=PREFIX):
                if not any(subnet.overlaps(other) for other in self.taken.values()):
                    return subnet
        return None

    def _create(self, name: str, cidr: str | None) -> str | Kind:
        """The range of the new cluster, or why there is none."""
        try:
            return self.world.clusters.create(name, cidr, None).ipv4_range
        except EdgeError as error:
            return error.kind

    @rule()
    def allocate(self) -> None:
        name, expected = self._name(), self._first_free()
        outcome = self._create(name, None)
        assert outcome == (Kind.UNAVAILABLE if expected is None else str(expected))
        if expected is not None:
            self.taken[name] = expected

    @rule(cidr=wanted_ranges)
    def name_a_range(self, cidr: str) -> None:
        name, wanted = self._name(), IPv4Network(cidr)
        free = not any(wanted.overlaps(other) for other in self.taken.values())
        outcome = self._create(name, cidr)
        assert outcome == (cidr if free else Kind.CONFLICT)
        if free:
            self.taken[name] = wanted

    @rule(data=st.data())
    def delete_one(self, data: st.DataObject) -> None:
        if self.taken:
            name = data.draw(st.sampled_from(sorted(self.taken)))
            self.world.clusters.delete(name, reach=EVERYWHERE)
            del self.taken[name]

    @rule(data=st.data())
    def delete_many(self, data: st.DataObject) -> None:
        for name in data.draw(st.sets(st.sampled_from(sorted(self.taken) or ["none"]))) & self.taken.keys():
            self.world.clusters.delete(name, reach=EVERYWHERE)
            del self.taken[name]

    @rule()
    def fill(self) -> None:
        for _ in range(SUBNET_COUNT):
            self.allocate()

    @invariant()
    def the_table_holds_the_taken_ranges(self) -> None:
        rows = [row for row in self.world.fake.rows(SUBNETS) if row["start"] != -1]
        stored = {AddressRange(row["start"], row["end"]).cidr for row in rows}
        assert stored == {str(network) for network in self.taken.values()}


Allocation.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAllocation = Allocation.TestCase
