"""A row that changes while its thing is looked at, and looks that are older than the row."""

from chalicelib.platform.provisioning.model import State
from tests.support.fakes.provider import Fault
from tests.support.fakes.provider_driver import KIND
from tests.support.provisioning import BoxWorld


def test_look_for_an_older_specification_changes_nothing_of_the_newer(monkeypatch):
    world = BoxWorld()
    made = world.create()
    world.until(made, State.READY)
    world.change(made, spec={"size": 2})
    meet, sizes = world.boxes.meet, iter([3])

    def met(call, resources):
        for size in sizes if call == "observe" else ():
            world.change(made, spec={"size": size})
        return meet(call, resources)

    monkeypatch.setattr(world.boxes, "meet", met)
    world.boxes.calls.clear()
    world.settle()
    assert [call for call, _ in world.boxes.calls] == ["observe", "observe", "change"]
    assert world.until(made, State.READY).spec == {"size": 3}


def test_new_thing_that_old_answers_do_not_show_stays_ready():
    world = BoxWorld()
    made = world.create()
    world.until(made, State.READY)
    for _ in range(3):
        world.boxes.plan("observe", Fault.OLD)
        world.platform.all_resources.wake(KIND, made.id)
        world.pass_time(2)
    assert (world.box(made).state, world.used()) == (State.READY, 1)
