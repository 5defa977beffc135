"""Bills: what resources cost, as an accountant has it who watches their rows."""

from chalicelib.kit.clock import parse_time
from chalicelib.platform.billing.wiring import bills_of
from chalicelib.platform.provisioning.store import RESOURCES
from tests.simulation.scene import Scene, Simulation
from tests.support.accountant import Accountant
from tests.support.charges import charge_of_row
from tests.support.fakes.clock import START
from tests.support.fakes.dynamo import Plan


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
    for tenant in accountant.tenants():
        told = bills.summary(tenant, START, end).amounts
        expected = accountant.bill(tenant, START, end)
        assert told == expected, f"the bill of {tenant} says {told}, the accountant {expected}"


SIMULATION = Simulation(invariants=(bills_are_the_accountants,), watches=(accountant_writes_down_what_costs,))
