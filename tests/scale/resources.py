"""Many resources of many tenants at rest: a look at each once an hour, and nothing else."""

from collections.abc import Mapping
from datetime import timedelta

from chalicelib.cloud.network.model import VPC, VpcSpec
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.tables import Put
from chalicelib.kit.tables.tenants import Tenant
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, STAGE_TAG, TENANT_TAG, stage_of
from chalicelib.platform.provisioning.model import NewResource, State
from chalicelib.platform.provisioning.store import RESOURCES, from_whole, to_item
from tests.scale.rows import ids_of, without_none
from tests.support.fakes.ec2 import FakeEc2
from tests.support.fakes.ec2_network import Part
from tests.support.timed_world import SWEEP_SECONDS, TimedWorld

OF_A_TENANT = 100
HOUR = timedelta(hours=1)


class LookingWorld(TimedWorld):
    """A world whose only sweep is that of resources."""

    def _schedules(self) -> Mapping[str, float]:
        return {"sweep_provisioning": SWEEP_SECONDS}


def resources_at_rest(world: TimedWorld, count: int) -> FakeEc2:
    """So many VPCs, a hundred of each tenant, whose looks are due in the course of an hour; returns their EC2."""
    stage = stage_of(world.platform.settings.table_prefix)
    ec2 = world.machine_client = FakeEc2(world.clock, stage=stage, page_size=1_000)
    spec = VpcSpec(cidr_block="10.0.0.0/16").model_dump(mode="json")
    made = world.platform.resources("first").create(NewResource(kind=VPC, name="vpc", owner="", spec=spec), "vpc.made")
    world.run(600)
    pattern = from_whole(world.driver.rows(RESOURCES)[0])
    assert (pattern.id, pattern.state) == (made.id, State.READY)
    now = world.clock.now()
    rows = []
    for number, resource_id in enumerate(ids_of(world, count - 1)):
        tenant, vpc_id = f"tenant-{number // OF_A_TENANT}", f"vpc-{number:08x}f"
        tags = {STAGE_TAG: stage, TENANT_TAG: tenant, RESOURCE_TAG: resource_id}
        ec2.parts[vpc_id] = Part(vpc_id, VPC, tags, {"VpcId": vpc_id}, now)
        due_at = to_seconds_text(now + HOUR * (number / count))
        named = {"id": resource_id, "tenant": tenant, "external": {"id": vpc_id}, "due_at": due_at}
        stored = Tenant(tenant).write(Put(RESOURCES, to_item(pattern.model_copy(update=named)))).item
        rows.append({**without_none(stored), "version": 1})
    world.driver.load(RESOURCES, rows)
    ec2.calls.clear()
    return ec2


def looked_at(world: TimedWorld) -> int:
    """How many were looked at since they were loaded: a look writes the time of the next one."""
    return sum(int(str(row["version"])) > 1 for row in world.driver.rows(RESOURCES))
