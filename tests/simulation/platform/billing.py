"""Bills: what resources cost, as an accountant has it who watches their rows."""

from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise

from chalicelib.kit.clock import parse_time
from chalicelib.kit.tables import Item
from chalicelib.platform.billing.rules import dollars
from chalicelib.platform.billing.store import INTERVALS
from chalicelib.platform.billing.wiring import bills_of
from chalicelib.platform.provisioning.store import RESOURCES
from tests.simulation.scene import Scene, Simulation
from tests.support.accountant import Accountant
from tests.support.charges import charge_of_row
from tests.support.fakes.clock import START
from tests.support.fakes.dynamo import Plan

BEGIN = START - timedelta(hours=6)
"""Traffic of some hours before is billed as well."""


def accountant_writes_down_what_costs(scene: Scene, _operation: str, plan: Plan) -> None:
    """Each state of a resource, at the time that its row itself has; one that is removed has cost nothing since."""
    for write, _key, old, row in plan:
        if write.table.name != RESOURCES.name:
            continue
        if row is None:
            assert old is None or charge_of_row(old) is None, f"{old['id']} was removed while it cost something"
            continue
        stamp = row["changed_by"]
        assert isinstance(stamp, dict)
        at = parse_time(str(stamp["at"])).replace(microsecond=0)
        order = int(str(row["version"]))
        accountant = scene.recall(Accountant)
        accountant.write_down(str(row["tenant"]), str(row["resource_id"]), order, at, charge_of_row(row))


def bills_are_the_accountants(scene: Scene) -> None:
    """Of all tenants that ever had something, also of those that are gone, by type."""
    end = scene.world.clock.now().replace(microsecond=0)
    accountant, bills = scene.recall(Accountant), bills_of(scene.world.platform)
    known = {str(row["resource_id"]).partition("|")[0] for row in scene.rows(INTERVALS)}
    for tenant in sorted({*accountant.tenants()} | known):
        told = bills.summary(tenant, BEGIN, end).amounts
        expected = accountant.bill(tenant, BEGIN, end)
        assert told == expected, f"the bill of {tenant} says {told}, the accountant {expected}"


def usage_adds_up_to_the_bill(scene: Scene) -> None:
    """That of two periods beside each other to the bill of both, to the second."""
    end = scene.world.clock.now().replace(microsecond=0)
    between = BEGIN + (end - BEGIN) / 3
    between, bills = between.replace(microsecond=0), bills_of(scene.world.platform)
    for tenant in scene.recall(Accountant).tenants():
        costs: Counter[str] = Counter()
        for period in ((BEGIN, between), (between, end)):
            for part in bills.usage(tenant, *period):
                costs[part.charged.type] += part.nano_seconds
        added = {name: dollars(cost) for name, cost in costs.items()}
        told = bills.summary(tenant, BEGIN, end).amounts
        assert added == told, f"the usage of {tenant} adds up to {added}, its bill says {told}"


def each_interval_ends_where_the_next_begins(scene: Scene) -> None:
    """Only the last of a resource goes on, and costs nothing once the resource is released."""
    released = {row.id for row in scene.world.rows() if row.is_released}
    there = {row.id for row in scene.world.rows()} - released
    marks: dict[str, list[Item]] = defaultdict(list)
    for row in sorted(scene.rows(INTERVALS), key=lambda row: str(row["position"])):
        if "#" not in str(row["resource_id"]):
            marks[str(row["resource_id"])].append(row)
    for name, own in marks.items():
        for row, following in pairwise(own):
            ends = (row.get("ends_at"), row.get("ended_by"))
            begins = (following["starts_at"], int(str(following["position"])))
            assert ends == begins, f"an interval of {name} ends at {ends}, the next begins at {begins}"
        goes_on = own[-1]
        assert "ends_at" not in goes_on, f"the last interval of {name} has ended, and no other begins"
        is_there = name.rpartition("|")[2] in there
        assert is_there or "charged" not in goes_on, f"{name} costs something, and is not there"


SIMULATION = Simulation(
    invariants=(bills_are_the_accountants, usage_adds_up_to_the_bill, each_interval_ends_where_the_next_begins),
    watches=(accountant_writes_down_what_costs,),
)
