"""Bills: what instances cost, as an accountant has it who watches their rows."""

from chalicelib.kit.clock import parse_time
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.billing.prices import ANY
from chalicelib.platform.billing.wiring import bills_of
from chalicelib.platform.provisioning.store import RESOURCES
from tests.simulation.scene import Scene, Simulation
from tests.support.accountant import Accountant
from tests.support.fakes.clock import START
from tests.support.fakes.dynamo import Plan


def accountant_writes_down_what_runs(scene: Scene, _operation: str, plan: Plan) -> None:
    """An instance runs while it is ready and on, or acts; at the time that the row itself has."""
    for write, _key, _old, row in plan:
        if write.table.name == RESOURCES.name and row is not None and row["resource_kind"] == "instance":
            is_wanted = row["desired"] == "present"
            is_at_rest = (row["state"], row["power"]) == ("ready", "on")
            runs = is_wanted and (is_at_rest or (row["state"] == "changing" and bool(row["act"])))
            stamp = row["changed_by"]
            assert isinstance(stamp, dict)
            at = parse_time(str(stamp["at"])).replace(microsecond=0)
            accountant = scene.recall(Accountant)
            accountant.write_down(
                str(row["tenant"]), str(row["resource_id"]), int(str(row["version"])), at, ANY if runs else None
            )


def bill_is_the_accountants(scene: Scene) -> None:
    end = scene.world.clock.now().replace(microsecond=0)
    bill = bills_of(scene.world.platform).summary(DEFAULT_TENANT, START, end)
    expected = scene.recall(Accountant).bill(DEFAULT_TENANT, START, end)
    assert bill.total == expected, f"the bill says {bill.total}, the accountant {expected}"


SIMULATION = Simulation(invariants=(bill_is_the_accountants,), watches=(accountant_writes_down_what_runs,))
