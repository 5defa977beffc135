"""A row that changes while its thing is looked at, and looks that are older than the row."""

from chalicelib.platform.provisioning.model import State
from chalicelib.platform.provisioning.pacing import LEASE
from chalicelib.platform.provisioning.working import PAUSED
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


def test_worker_that_paused_until_others_may_ask_does_not_ask_any_more():
    world = BoxWorld(kind={"has_token": False})
    made = world.create()
    world.relay_only()
    pauses = iter([LEASE.total_seconds()])

    def wrote(_operation, plan):
        asks = any(new is not None and new.get("leased_until") for _write, _key, _old, new in plan)
        for seconds in pauses if asks else ():
            world.clock.sleep(seconds)

    world.driver.on_write = wrote
    world.settle()
    assert (world.boxes.calls, world.box(made).reason) == ([], PAUSED)
    assert world.until(made, State.READY).reason == ""
    assert [call for call, _ in world.boxes.calls].count("create") == 1
