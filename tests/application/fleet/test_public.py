"""The functions of the fleet for higher families, on the fakes."""

from contextlib import suppress
from datetime import timedelta

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.commands.store import COMMANDS, execution_id
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.public import MOST_NODES, FleetAccess, NewKey, Result
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.ids import milliseconds_of
from chalicelib.kit.tables import Attachment, attaching
from tests.support.builders import a_cluster, a_registration, machines
from tests.support.fakes.dynamo import Crash
from tests.support.world import World

TOKEN = "01a1fd8c-6900-7c6a-abac-50b0fbbcec5f"
"""The id of a row of the caller, from the time at which the worlds of tests begin."""

NODE_ID = "0192e4a0-0000-4000-8000-000000000077"


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


@pytest.fixture
def access(world):
    return FleetAccess(world.fleet)


def in_an_hour(world):
    return world.clock.now() + timedelta(hours=1)


def enrol(world, key):
    """Enrol a machine with a key, as an agent does."""
    verified = world.fleet.enrollment.verify(key.blob.reveal(), NODE_ID)
    if verified.verified:
        world.fleet.nodes.registering.register(a_registration(NODE_ID, "north"), verified.registration_token, None)
    return verified.verified


def test_cluster_is_found_by_name_with_its_count(world, access):
    machines(world, 2)
    found = access.find_cluster("north")
    assert (found.name, found.node_count, found.node_limit) == ("north", 2, None)
    assert access.find_cluster("south") is None


def test_machine_that_enrolled_with_a_key_is_found_as_its_node(world, access):
    key = access.create_key("north", "instance", in_an_hour(world), token=TOKEN)
    assert enrol(world, key)
    node = access.find_nodes([NODE_ID, "0192e4a0-0000-4000-8000-000000000099"])[NODE_ID]
    assert (node.id, node.cluster_name, node.status, node.enrollment_key_id) == (NODE_ID, "north", "healthy", key.id)
    [listed], cursor = access.page_of_nodes(node.cluster_id, world.clock.now())
    assert (listed, cursor) == (node, None)


def test_secret_of_a_new_key_is_not_in_its_repr(world, access):
    key = access.create_key("north", "instance", in_an_hour(world), token=TOKEN)
    assert key.blob.reveal() not in repr(key)


@pytest.mark.parametrize("ends", ["deleted", "expired"])
def test_key_that_is_deleted_or_expired_admits_no_machine(world, access, ends):
    key = access.create_key("north", "instance", in_an_hour(world), token=TOKEN)
    if ends == "deleted":
        access.delete_key(key.id)
        access.delete_key(key.id)
    else:
        world.clock.advance(3601)
    assert not enrol(world, key)


def test_key_for_a_cluster_that_does_not_exist_is_refused(world, access):
    with pytest.raises(EdgeError) as raised:
        access.create_key("south", "instance", in_an_hour(world), token=TOKEN)
    assert raised.value.kind is Kind.NOT_FOUND


def test_deleted_node_is_gone_and_deleting_it_again_does_nothing(world, access):
    [machine] = machines(world, 1)
    access.delete_node(machine.id)
    access.delete_node(machine.id)
    assert access.find_nodes([machine.id]) == {}


def test_command_runs_on_the_named_nodes_and_its_result_is_read(world, access):
    [machine] = machines(world, 1)
    command_id = access.run([machine.id], "uptime", 60, in_an_hour(world), token=TOKEN)
    assert access.result(command_id, machine.id) is None
    world.settle()
    assert access.result(command_id, machine.id) == Result("pending", None, None)

    executions = world.fleet.commands.executions
    execution = execution_id(command_id, machine.id)
    executions.acknowledge(machine.id, execution)
    executions.report(machine.id, execution, Report(is_expired=False, output="up", exit_code=0))
    assert access.result(command_id, machine.id) == Result("completed", 0, "up")


def test_more_nodes_than_one_call_takes_are_refused(world, access):
    ids = ["0192e4a0-0000-4000-8000-000000000077"] * (MOST_NODES + 1)
    with pytest.raises(ValueError, match="more than 100"):
        access.find_nodes(ids)
    with pytest.raises(ValueError, match="more than 100"):
        access.run(ids, "true", 1, in_an_hour(world), token=TOKEN)


def create_key(world, token=TOKEN, name="instance"):
    return FleetAccess(world.fleet).create_key("north", name, in_an_hour(world), token=token)


def run(world, token=TOKEN, command="uptime"):
    return FleetAccess(world.fleet).run([NODE_ID], command, 60, in_an_hour(world), token=token)


def keys(world):
    return world.driver.rows(ENROLLMENT_KEYS)


def commands(world):
    return world.driver.rows(COMMANDS)


CALLS = pytest.mark.parametrize(("call", "rows"), [(create_key, keys), (run, commands)], ids=["create_key", "run"])


def seen(result):
    """What a caller has of a result."""
    return (result.id, result.blob.reveal()) if isinstance(result, NewKey) else result


@CALLS
def test_repeat_with_the_same_token_returns_the_first_result(world, call, rows):
    first = seen(call(world))
    world.clock.advance(7200)
    assert seen(call(world)) == first
    assert len(rows(world)) == 1


@CALLS
def test_tokens_of_one_row_that_differ_have_results_of_their_own(world, call, rows):
    made = {seen(call(world, token)) for token in (TOKEN, f"{TOKEN}/2", f"{TOKEN}/3")}
    assert len(made) == len(rows(world)) == 3


@CALLS
def test_first_result_stands_whatever_a_repeat_says(world, call, rows):
    first = seen(call(world))
    other = call(world, name="other") if call is create_key else call(world, command="reboot")
    assert seen(other) == first
    assert {row.get("name") or row.get("command_text") for row in rows(world)} == {
        "instance" if call is create_key else "uptime"
    }


@CALLS
def test_two_callers_with_one_token_at_once_get_one_result(world, call, rows):
    others = []
    world.driver.before_next(lambda: others.append(seen(call(world))), operation="TransactWriteItems")
    assert [seen(call(world))] == others
    assert len(rows(world)) == 1


def crash():
    raise Crash


def crash_before_the_write(driver):
    driver.before_next(crash, operation="TransactWriteItems")


def lose_the_answer(driver):
    driver.fail_next(1, "lost_answer")


@CALLS
@pytest.mark.parametrize("disturb", [crash_before_the_write, lose_the_answer])
def test_call_repeated_after_a_crash_or_a_lost_answer_has_one_effect(world, call, rows, disturb):
    disturb(world.driver)
    with suppress(Crash):
        call(world)
    first = seen(call(world))
    assert seen(call(world)) == first
    assert len(rows(world)) == 1


def test_timeout_of_a_command_is_given_in_seconds(world):
    run(world)
    (row,) = commands(world)
    assert row["timeout"] == 60_000


def test_key_and_command_of_one_token_have_ids_of_their_own(world):
    assert create_key(world).id != run(world)


@CALLS
def test_result_stands_in_lists_at_the_time_of_its_token(world, call, rows):
    call(world)
    (row,) = rows(world)
    assert milliseconds_of(row["id"]) == milliseconds_of(TOKEN)


@CALLS
@pytest.mark.parametrize("token", ["", "instance-7", NODE_ID, TOKEN.upper(), TOKEN.replace("-", "")])
def test_token_that_does_not_begin_with_a_time_is_refused(world, call, rows, token):
    with pytest.raises(ValueError, match="does not begin with a UUIDv7"):
        call(world, token)
    assert rows(world) == []


@CALLS
def test_call_takes_no_part_in_a_repeatable_request(world, call, rows):
    attachment = Attachment(lambda _result: pytest.fail("attached"))
    with attaching(attachment):
        call(world)
    assert not attachment.is_written
    assert len(rows(world)) == 1


def test_repeat_of_a_command_that_was_deleted_makes_no_other(world):
    first = run(world)
    world.settle()
    world.fleet.commands.registry.delete(first, reach=EVERYWHERE)
    assert run(world) == first
    assert len([row for row in commands(world) if row.get("deleted_at") is None]) == 0
