"""Schedules of saved scripts: what the script is at the time, with the rights that its owner has then."""

import pytest

from chalicelib.fleet.commands.rollout import RolloutLimits
from chalicelib.fleet.schedules.rules import in_words
from chalicelib.fleet.schedules.store import RUNS
from chalicelib.fleet.scripts.model import NewScript, Parameter, ParameterType, ScriptCall
from chalicelib.fleet.scripts.rules import no_such_script
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.platform.audit.store import TABLE as AUDIT
from tests.application.fleet.schedules.scene import a_schedule, commands, key_id, now_of, pass_time, runs
from tests.support.builders import a_cluster, machines
from tests.support.world import World

HOUR = 3600
UNIT = Parameter(name="UNIT", type=ParameterType.ENUM, values=("nginx", "sshd"), required=True)
RESTART = ScriptCall(name="restart", parameters={"UNIT": "nginx"})


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    machines(world, 2)
    save(world)
    world.settle()
    return world


def save(world, text='systemctl restart "$UNIT"', parameters=(UNIT,)):
    return world.fleet.scripts.save(NewScript("restart", text, parameters=parameters))


def of_a_script(world, call=RESTART, **wanted):
    return a_schedule(world, command_text=None, script=call, **wanted)


def reasons(world):
    return [str(row.get("reason")) for row in world.driver.rows(RUNS) if "result" in row]


def test_time_that_has_come_runs_the_script_as_it_is_then(world):
    schedule = of_a_script(world, rollout=RolloutLimits(max_concurrency=1))
    save(world, 'systemctl reload "$UNIT"')
    pass_time(world, HOUR)

    (command,) = commands(world)
    assert command["rollout"]["max_concurrency"] == 1
    assert command["script"] == {"name": "restart", "version": 2}
    assert command["command_text"] == '# restart, version 2\nexport UNIT=nginx\nsystemctl reload "$UNIT"'
    assert command["schedule"] == {"id": schedule.id, "name": "hourly"}
    # The window begins at the time of the schedule, as for a command line.
    assert command["expired_at"] == "2026-11-21T11:30:00Z"
    (noted,) = (row for row in world.driver.rows(AUDIT) if str(row["operation"]).startswith("command."))
    assert (noted["operation"], noted["principal_name"]) == ("command.run_script", "MASTER_KEY (schedule hourly)")


def test_script_that_is_gone_is_a_refused_time_and_the_schedule_goes_on(world):
    schedule = of_a_script(world)
    world.fleet.scripts.delete("restart")
    pass_time(world, HOUR)

    assert (commands(world), runs(world)) == ([], [("2026-11-21T11:00:00Z", "refused", 1)])
    assert reasons(world) == [in_words(no_such_script("restart"))]
    assert now_of(world, schedule).next_at == "2026-11-21T12:00:00Z"


def test_value_that_the_script_no_longer_takes_is_a_refused_time(world):
    of_a_script(world)
    save(world, parameters=(UNIT.model_copy(update={"values": ("sshd",)}),))
    pass_time(world, HOUR)

    assert commands(world) == []
    assert reasons(world) == ["parameters.UNIT: 'nginx' is not allowed. Allowed: sshd"]


def test_key_that_runs_no_scripts_schedules_commands_only(world):
    names = frozenset({"commands:write"})
    owner = world.platform.callers.standing.find(f"key:{key_id(world, role=None, permissions=names)}")

    with pytest.raises(EdgeError) as refused:
        of_a_script(world, owner=owner)

    assert (refused.value.kind, refused.value.message) == (Kind.FORBIDDEN, "This key lacks the permission scripts:run")
    assert a_schedule(world, owner=owner).name == "hourly"


@pytest.mark.parametrize("call", [ScriptCall(name="nothing"), ScriptCall(name="restart")])
def test_script_that_would_be_refused_now_makes_no_schedule(world, call):
    with pytest.raises(EdgeError) as refused:
        of_a_script(world, call)

    assert refused.value.kind is Kind.VALIDATION_FAILED
