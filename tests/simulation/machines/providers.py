"""Instances on a strict EC2, with nodes of the fleet: whatever EC2 and others do, nothing is left over."""

from chalicelib.machines.instances.model import INSTANCE, INSTANCES_QUOTA
from chalicelib.machines.providers.ec2_request import RESOURCE_TAG, TENANT_TAG
from chalicelib.platform.provisioning.model import Changes, Desired, NewResource, Power, Resource, State, Tagged
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.support.fakes.ec2 import BY_ZONE
from tests.support.instances import TENANT, enrol, key_of, spec_of
from tests.support.provisioning_invariants import check_rest

LIMIT = 4

CODES = (
    ("RequestLimitExceeded", 503),
    ("InternalError", 500),
    ("InsufficientInstanceCapacity", 500),
    ("VcpuLimitExceeded", 400),
)
CALLS = ("RunInstances", "DescribeInstances", "TerminateInstances", "StopInstances", "StartInstances")


def instances(scene: Scene) -> list[Resource]:
    """The rows of all instances."""
    return sorted((row for row in scene.world.rows() if row.kind == INSTANCE), key=lambda row: row.id)


def some_instance(scene: Scene) -> Resource:
    """Raises `NothingThereError`."""
    rows = instances(scene)
    if not rows:
        raise NothingThereError(INSTANCE)
    return scene.rng.choice(rows)


def create_instance(scene: Scene) -> None:
    cluster = scene.rng.choice((None, scene.some_name()))
    spec = spec_of(zone=scene.rng.choice(sorted(BY_ZONE)), cluster=cluster)
    new = NewResource(
        kind=INSTANCE, name="any", owner="", spec=spec, power=Power.ON, quota=INSTANCES_QUOTA, limit=LIMIT
    )
    scene.world.platform.resources(TENANT).create(new)


def agent_of_an_instance_enrols(scene: Scene) -> None:
    launched = [row for row in instances(scene) if key_of(scene.world, row) is not None]
    if not launched or not enrol(scene.world, scene.rng.choice(launched)):
        raise NothingThereError("a key that lets a machine in")


def change_instance(scene: Scene) -> None:
    changes = scene.rng.choice((Changes(power=Power.OFF), Changes(power=Power.ON), Changes(act="restart")))
    own = scene.world.platform.resources(TENANT)
    own.change(INSTANCE, some_instance(scene).id, lambda _: changes, "instance.changed")


def delete_instance(scene: Scene) -> None:
    scene.world.platform.resources(TENANT).delete(INSTANCE, some_instance(scene).id, "instance.deleted")


def somebody_terminates_a_machine(scene: Scene) -> None:
    alive = [each for each in scene.world.machine_client.alive() if each.id not in scene.strangers]
    if not alive:
        raise NothingThereError("machines")
    scene.world.machine_client.end(scene.rng.choice(alive).id, "Client.UserInitiatedShutdown")


def plant_a_machine(scene: Scene) -> None:
    ec2 = scene.world.machine_client
    tags = {TENANT_TAG: TENANT, RESOURCE_TAG: scene.world.ids.uuid7(scene.world.clock.now())}
    scene.strangers.add(ec2.plant(ec2.stage, **tags))


def ec2_refuses(scene: Scene) -> None:
    code, status = scene.rng.choice(CODES)
    scene.world.machine_client.fail(scene.rng.choice(CALLS), code, status, times=scene.rng.randint(1, 3))
    scene.mends.append(scene.world.machine_client.recover)


def ec2_loses_an_answer(scene: Scene) -> None:
    scene.world.machine_client.lose_answer(scene.rng.choice(CALLS))
    scene.mends.append(scene.world.machine_client.recover)


def descriptions_lag(scene: Scene) -> None:
    scene.world.machine_client.lag_seconds = scene.rng.choice((1, 10, 60))


def machines_and_rows_agree(scene: Scene) -> None:
    things = [
        Tagged(tenant=each.tags[TENANT_TAG], resource_id=each.tags[RESOURCE_TAG], external_id=each.id)
        for each in scene.world.machine_client.alive()
    ]
    quotas = scene.world.platform.quotas
    check_rest(instances(scene), things, lambda tenant, quota: quotas.used(tenant, [quota])[quota], scene.strangers)


def no_node_is_left_of_a_deleted_instance(scene: Scene) -> None:
    gone = [row.id for row in instances(scene) if row.desired is Desired.ABSENT or row.state is State.GONE]
    left = {node.id for node in scene.fleet.nodes.reading.find_many(gone)}
    assert not left, f"nodes of deleted instances: {left}"


def strangers_are_untouched(scene: Scene) -> None:
    there = {each.id for each in scene.world.machine_client.alive()}
    planted = scene.strangers & scene.world.machine_client.machines.keys()
    assert planted <= there, f"strangers were removed: {planted - there}"


SIMULATION = Simulation(
    operations=(
        create_instance,
        create_instance,
        agent_of_an_instance_enrols,
        change_instance,
        delete_instance,
        somebody_terminates_a_machine,
        plant_a_machine,
    ),
    invariants=(machines_and_rows_agree, no_node_is_left_of_a_deleted_instance, strangers_are_untouched),
    faults=(ec2_refuses, ec2_loses_an_answer, descriptions_lag),
)
