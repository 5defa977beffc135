"""Resources at the strict provider: created, changed and deleted, whatever the provider does; none is left over."""

import json

from chalicelib.kit.tables import Update
from chalicelib.platform.provisioning.changes import message_of
from chalicelib.platform.provisioning.model import NewResource, Power, Resource, Seen, Tagged
from chalicelib.platform.provisioning.store import RESOURCES, from_whole
from infra.functions import function
from tests.simulation.engine.world import UNTRACED
from tests.simulation.scene import NothingThereError, Scene, Simulation
from tests.support.declared import handler_of
from tests.support.fakes.dynamo import Plan
from tests.support.fakes.provider import Fault
from tests.support.fakes.provider_driver import KIND
from tests.support.provisioning import QUOTA
from tests.support.provisioning_invariants import check_rest
from tests.support.timed_world import Message, sqs_record_of

MADE_OF_IT = ("state", "reason", "external", "observed", "attempts", "leased_until", "done_generation", "is_seen")
"""What workers make of a resource."""

LIMIT = 4
LOOKS = 4

FAULTS = [fault for fault in Fault if fault not in {Fault.CRASH_BEFORE, Fault.CRASH_AFTER}]
"""Crashes between writes are the runner's."""

IN_A_ROW = (
    (Fault.LATE, Fault.REFUSED),
    (Fault.LATE, Fault.LATE),
    (Fault.ANSWER_LOST, Fault.REFUSED),
    (Fault.LOST, Fault.BUG, Fault.ANSWER_LOST),
)
"""Troubles that chance hardly ever puts together."""


def _boxes(scene: Scene) -> list[Resource]:
    return sorted((row for row in scene.world.rows() if row.kind == KIND), key=lambda row: row.id)


def some_box(scene: Scene) -> Resource:
    """A resource of any tenant. Raises `NothingThereError`."""
    rows = _boxes(scene)
    if not rows:
        raise NothingThereError(KIND)
    return scene.rng.choice(rows)


def create_box(scene: Scene) -> None:
    tenant = scene.rng.choice(("one", "two"))
    name = scene.some_name()
    scene.world.platform.resources(tenant).create(
        NewResource(kind=KIND, name=name, owner="a", spec={"size": 1}, power=Power.ON, quota=QUOTA, limit=LIMIT)
    )


def create_box_that_refers_to_another(scene: Scene) -> None:
    parent = some_box(scene)
    new = NewResource(kind=KIND, name="child", owner="a", spec={}, parents=(parent.id,), quota=QUOTA, limit=LIMIT)
    scene.world.platform.resources(parent.tenant).create(new)


def create_box_that_alone_has_a_name(scene: Scene) -> None:
    tenant, name = scene.rng.choice(("one", "two")), scene.rng.choice(("a", "b"))
    new = NewResource(kind=KIND, name=name, owner="a", spec={}, claims=(f"name/{name}",), quota=QUOTA, limit=LIMIT)
    scene.world.platform.resources(tenant).create(new)


def tie_box_to_others(scene: Scene) -> None:
    """A resource refers to others than before, and holds another claim."""
    box = some_box(scene)
    older = [row.id for row in _boxes(scene) if row.tenant == box.tenant and row.id < box.id]
    parents = tuple(scene.rng.sample(older, min(len(older), scene.rng.randint(0, 2))))
    scene.world.change(box, parents=parents, claims=(f"name/{scene.rng.choice(('a', 'b'))}",))


def make_a_box_and_look(scene: Scene) -> None:
    """A resource is made, maybe of a provider in trouble, and looked at again and again."""
    if provider_is_in_trouble.__name__ in scene.faults:
        provider_is_in_trouble(scene)
    known = {row.id for row in _boxes(scene)}
    create_box(scene)
    for _ in range(LOOKS):
        scene.wait(scene.rng.uniform(0.5, 15))
        for row in _boxes(scene):
            if row.id not in known:
                scene.world.platform.all_resources.wake(KIND, row.id)


def change_box(scene: Scene) -> None:
    changes = scene.rng.choice(({"power": Power.OFF}, {"power": Power.ON}, {"act": "restart"}))
    scene.world.change(some_box(scene), **changes)


def delete_box(scene: Scene) -> None:
    scene.world.delete(some_box(scene))


def wake_box(scene: Scene) -> None:
    scene.world.platform.all_resources.wake(KIND, some_box(scene).id)


def two_look_at_once(scene: Scene) -> None:
    """Two workers get the same message at the same instant, when the resource is due."""
    box = some_box(scene)
    scene.world.platform.all_resources.wake(KIND, box.id)
    body = json.dumps(message_of(KIND, [(box.tenant, box.id)]))
    records = [sqs_record_of(Message({"MessageBody": body, **UNTRACED}, {}), "0")]
    for _ in range(2):
        scene.world.invoke(function("provision"), handler_of("provision"), {"Records": records}, {}, lambda _: None)


def something_happens_to_a_thing(scene: Scene) -> None:
    there = scene.world.boxes.there()
    if not there:
        raise NothingThereError("boxes")
    box = scene.rng.choice(there)
    seen = scene.rng.choice((Seen.STOPPED, Seen.READY, Seen.ENDED, Seen.BROKEN))
    scene.world.boxes.become(box.id, seen, "it was hit" if seen is Seen.BROKEN else "")


def plant_a_stranger(scene: Scene) -> None:
    scene.strangers.add(scene.world.boxes.plant("one", f"stranger-{len(scene.strangers)}").id)


def provider_is_in_trouble(scene: Scene) -> None:
    call = scene.rng.choice(("create", "create", "change", "delete", "observe"))
    by_chance = tuple(scene.rng.choices(FAULTS, k=scene.rng.randint(1, 3)))
    scene.world.boxes.plan(call, *scene.rng.choice((by_chance, *IN_A_ROW)))
    scene.mends.append(scene.world.boxes.faults.clear)


def provider_is_down(scene: Scene) -> None:
    def mend() -> None:
        scene.world.boxes.is_down = False

    scene.world.boxes.is_down = True
    scene.mends.append(mend)


def resources_and_things_agree(scene: Scene) -> None:
    things = [
        Tagged(tenant=box.tags["tenant"], resource_id=box.tags["resource"], external_id=box.id)
        for box in scene.world.boxes.there()
    ]
    quotas = scene.world.platform.quotas
    boxes = _boxes(scene)
    own = {row.id for row in boxes}
    claims = [each for each in scene.world.claims() if each[2] in own]
    check_rest(boxes, things, lambda tenant, quota: quotas.used(tenant, [quota])[quota], claims, scene.strangers)


def no_resource_ever_had_two_things(scene: Scene) -> None:
    two = {resource_id for resource_id, most in scene.world.boxes.most_ever_there.items() if most > 1}
    assert not two, f"two things at a time: {two}"


def no_two_workers_ask_at_once(scene: Scene) -> None:
    """A lease holds, but for a worker that has paused beyond it."""
    twice = scene.world.boxes.overlaps
    assert not twice or "pause" in scene.faults, f"two workers asked at the same time for {sorted(twice)}"


def what_may_come_is_held(scene: Scene, _operation: str, plan: Plan) -> None:
    """A row whose thing was never seen gives its quota back when none can come any more."""
    for write, _, old, new in plan:
        is_box = write.table.name == RESOURCES.name and new is not None and new["resource_kind"] == KIND
        if is_box and old is not None and new is not None:
            before, after = from_whole(old), from_whole(new)
            if after.is_released and not before.is_released and not after.is_seen:
                assert not scene.world.boxes.is_coming(after.id), f"{after.name} is released, and its thing comes"


def no_writer_undoes_anothers(scene: Scene, _operation: str, plan: Plan) -> None:
    """What is made of a resource is made of it as it is: nobody has changed it since it was read."""
    for write, _, old, new in plan:
        if write.table.name == RESOURCES.name and isinstance(write, Update) and old is not None and new is not None:
            worker = scene.world.worker
            known = None if worker is None else worker.version_of(write.table, old)
            is_moved = any(old.get(name) != new.get(name) for name in MADE_OF_IT)
            is_stale = known is not None and known != old["version"]
            assert not (is_moved and is_stale), f"{old['id']} was read at {known}, and overwritten at {old['version']}"


SIMULATION = Simulation(
    openings=(create_box,) * 2,
    operations=(
        *(create_box, create_box, make_a_box_and_look),
        create_box_that_refers_to_another,
        create_box_that_alone_has_a_name,
        tie_box_to_others,
        change_box,
        delete_box,
        wake_box,
        *(two_look_at_once,) * 2,
        something_happens_to_a_thing,
        plant_a_stranger,
    ),
    invariants=(resources_and_things_agree, no_resource_ever_had_two_things, no_two_workers_ask_at_once),
    watches=(what_may_come_is_held, no_writer_undoes_anothers),
    faults=(provider_is_in_trouble, provider_is_down),
)
