"""Instances on a strict EC2: created, switched, deleted and lost; none is there without its row, or twice."""

from chalicelib.machines.instances.model import INSTANCE, InstanceSpec, PowerOperation
from chalicelib.machines.wiring import Machines
from chalicelib.platform.access.principal import DEFAULT_TENANT
from chalicelib.platform.provisioning.ec2_tags import RESOURCE_TAG, TENANT_TAG
from chalicelib.platform.provisioning.model import NewResource, Power, Resource, Tagged
from chalicelib.platform.provisioning.store import EXTERNAL_ID
from chalicelib.platform.quotas.rules import INSTANCES
from tests.simulation.engine.ec2 import SimulatedEc2
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.support.machines import EC2_MACHINE
from tests.support.provisioning_invariants import check_rest

LIMIT = 3
MOSTLY = 0.8

REFUSED = (
    "RequestLimitExceeded",
    "InsufficientInstanceCapacity",
    "InternalError",
    "Unavailable",
    "InvalidParameterValue",
)


class _Strangers:
    """The ids of instances that no row has made."""

    def __init__(self) -> None:
        self.ids: set[str] = set()


def _ec2(scene: Scene) -> SimulatedEc2:
    client: SimulatedEc2 = scene.world.machine_client
    return client


def _rows(scene: Scene) -> list[Resource]:
    return sorted((row for row in scene.world.rows() if row.kind == INSTANCE), key=lambda row: row.id)


def _some_instance(scene: Scene) -> Resource:
    rows = _rows(scene)
    if not rows:
        raise NothingThereError(INSTANCE)
    return scene.rng.choice(rows)


def create_instance(scene: Scene) -> None:
    spec = InstanceSpec(template_id="any", zone="eu-central-1a", provider="ec2", cluster_name=None, machine=EC2_MACHINE)
    new = NewResource(
        kind=INSTANCE,
        name=scene.some_name(),
        owner="",
        spec=spec.model_dump(mode="json"),
        power=Power.ON,
        quota=INSTANCES,
        limit=LIMIT,
    )
    scene.world.platform.resources(DEFAULT_TENANT).create(new)


def switch_instance(scene: Scene) -> None:
    """Mostly in a way that it could go."""
    instance = _some_instance(scene)
    others = [each for each in PowerOperation if each is not PowerOperation.START]
    fitting = [PowerOperation.START] if instance.power is Power.OFF else others
    operation = scene.rng.choice(fitting if scene.rng.random() < MOSTLY else [*PowerOperation])
    scene.world.platform.container(Machines).instances.power(DEFAULT_TENANT, instance.id, operation)


def delete_instance(scene: Scene) -> None:
    scene.world.platform.resources(DEFAULT_TENANT).delete(INSTANCE, _some_instance(scene).id, "instance.deleted")


def something_happens_to_an_instance(scene: Scene) -> None:
    """Somebody with a console, or AWS, ends it or shuts it down."""
    alive = _ec2(scene).alive()
    if not alive:
        raise NothingThereError("instances")
    act = scene.rng.choice((_ec2(scene).end, _ec2(scene).power_off))
    act(scene.rng.choice(alive).id)


def plant_an_instance(scene: Scene) -> None:
    scene.recall(_Strangers).ids.add(_ec2(scene).plant("another-stage"))


def ec2_is_in_trouble(scene: Scene) -> None:
    operation = scene.rng.choice(("RunInstances", "RunInstances", "DescribeInstances", "TerminateInstances"))
    if scene.rng.random() < 0.5:
        _ec2(scene).lose_answer(operation)
    else:
        _ec2(scene).fail(operation, scene.rng.choice(REFUSED), status=503, times=scene.rng.randint(1, 3))
    scene.mends.append(_ec2(scene).calm)


def instances_and_rows_agree(scene: Scene) -> None:
    """But for a machine that came when its row, which had failed, had not waited for it any longer."""
    rows = _rows(scene)
    held = {row.external.get(EXTERNAL_ID) for row in rows if not row.is_released}
    strangers = scene.recall(_Strangers).ids | (_ec2(scene).came_late - held)
    things = [
        Tagged(tenant=each.tags[TENANT_TAG], resource_id=each.tags[RESOURCE_TAG], external_id=each.id)
        for each in _ec2(scene).alive()
        if each.id not in strangers
    ]
    quotas = scene.world.platform.quotas
    own = {row.id for row in rows}
    claims = [each for each in scene.world.claims() if each[2] in own]
    check_rest(rows, things, lambda tenant, quota: quotas.used(tenant, [quota])[quota], claims)


def strangers_are_left_alone(scene: Scene) -> None:
    """What others have made in the account is not touched by any worker."""
    asked = {
        machine_id
        for operation, request in _ec2(scene).calls
        if operation in {"TerminateInstances", "StopInstances", "RebootInstances", "StartInstances"}
        for machine_id in request["InstanceIds"]
    }
    assert not asked & scene.recall(_Strangers).ids, "an instance of somebody else was touched"


SIMULATION = Simulation(
    openings=(create_instance,),
    operations=(
        create_instance,
        switch_instance,
        delete_instance,
        something_happens_to_an_instance,
        plant_an_instance,
    ),
    invariants=(instances_and_rows_agree, strangers_are_left_alone),
    faults=(ec2_is_in_trouble,),
)
