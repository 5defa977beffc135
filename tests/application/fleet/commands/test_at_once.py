"""Executions that are written with their command, because somebody waits for them and they are few."""

import pytest

from chalicelib.fleet.commands.at_once import MOST_AT_ONCE, MOST_PAGES, NODES_PER_PAGE
from chalicelib.fleet.commands.model import CommandState, NewCommand, RetriedOutcome, Retry, Status
from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.commands.rollout import RolloutLimits
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS, fan_out_from_item
from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.queues import Queue
from chalicelib.kit.tables import Delete
from chalicelib.platform.access.principal import root
from chalicelib.platform.events.service import SOURCE
from tests.application.fleet.commands.fleet import a_node, executions, nodes, reached
from tests.support.builders import a_cluster, machines
from tests.support.fakes.dynamo import Crash
from tests.support.world import World

ALL = Targeting(type=TargetType.ALL)
DELIVERY = Queue("command-delivery")
UNLIKE = ("changed_by", "made_with", "is_told")
"""What tells the two ways apart: who wrote, that it was at once, and that the agents are told."""


def a_world(*, short_way=True):
    world = World(short_way=short_way)
    for name in ("north", "south"):
        a_cluster(world, name)
    return world


@pytest.fixture
def world():
    return a_world()


def give(world, targeting=ALL, reach=EVERYWHERE, **fields):
    new = NewCommand("true", targeting, **fields)
    return world.fleet.commands.registry.create(new, reach=reach, is_awaited=True)


def named(*found):
    return Targeting(type=TargetType.NODES, node_ids=tuple(each.id for each in found))


def fan_out_of(world, command):
    return fan_out_from_item(world.driver.row(FAN_OUTS, {"command_id": command.id}))


def asked_to_create(world):
    """The messages for workers that create executions."""
    world.relay_only()
    return world.queue_client.bodies(EXECUTION_CREATION)


def rows(world):
    """All rows of commands, without what tells the ways apart."""
    tables = world.driver.snapshot()
    return {
        table: [{name: value for name, value in row.items() if name not in UNLIKE} for row in tables[table]]
        for table in ("commands", "executions", "fan_outs")
    }


def targetings(fleet, clusters):
    yield ALL
    yield named(*fleet[:2])
    yield Targeting(type=TargetType.CLUSTERS, cluster_names=clusters)
    yield Targeting(type=TargetType.ALL, node_filters={"cluster_name": "south"})
    yield Targeting(type=TargetType.ALL, cluster_filters={"name": "n*"})
    yield Targeting(type=TargetType.CLUSTERS, cluster_names=clusters, node_filters={"status": "healthy"})


@pytest.mark.parametrize("place", range(6))
def test_both_ways_end_with_the_same_rows_and_events(place):
    left = []
    for short_way in (True, False):
        world = a_world(short_way=short_way)
        fleet = [*machines(world, 2, "north"), *machines(world, 2, "south")]
        world.settle()
        world.ids.restart(7)
        give(world, list(targetings(fleet, ("north", "south")))[place])
        assert bool(executions(world)) is short_way
        assert bool(asked_to_create(world)) is not short_way
        world.settle()
        told = [one["type"] for one in world.bus_client.envelopes if one["source"] == SOURCE]
        left.append((sorted(told), world.platform.counters.read("executions"), _without_versions(rows(world))))
    assert left[0] == left[1]


def _without_versions(tables):
    """A fan-out's row is written once on the short way, and once for each part beside on the long one."""
    return {name: [{**row, "version": 1} for row in found] for name, found in tables.items()}


def test_agents_are_told_right_after_the_transaction(world):
    (machine,) = machines(world, 1)
    world.socket_client.frames["socket-0"] = []
    world.fleet.nodes.connections.connected(machine.token, "socket-0", 1)
    give(world)
    (row,) = executions(world)
    (frame,) = world.socket_client.frames["socket-0"]
    assert (frame["type"], frame["ids"]) == ("executions", [row["id"]])


def test_function_that_dies_after_the_transaction_loses_only_the_hint(world):
    (machine,) = machines(world, 1)
    world.socket_client.frames["socket-0"] = []
    world.fleet.nodes.connections.connected(machine.token, "socket-0", 1)
    world.settle()
    world.driver.crash_after(1)
    with pytest.raises(Crash):
        give(world)
    world.driver.crash_after(1_000_000)
    (row,) = executions(world)
    assert world.socket_client.frames["socket-0"] == []
    world.settle()
    world.queue_client.release_delayed()
    world.settle()
    assert [frame["ids"] for frame in world.socket_client.frames["socket-0"]] == [[row["id"]]]


def test_failed_hint_does_not_fail_the_command(world):
    (machine,) = machines(world, 1)
    world.socket_client.frames["socket-0"] = []
    world.fleet.nodes.connections.connected(machine.token, "socket-0", 1)
    world.socket_client.fails_with = "InternalServerError"
    give(world)
    assert len(executions(world)) == 1


def test_the_most_executions_fit_and_one_more_takes_the_long_way(world):
    fleet = nodes(world, MOST_AT_ONCE + 1)
    give(world, named(*fleet[:-1]))
    assert len(executions(world)) == MOST_AT_ONCE
    before = reached(world)
    give(world, named(*fleet))
    give(world)
    assert (len(executions(world)), reached(world)) == (MOST_AT_ONCE, before)
    world.settle()
    assert len(executions(world)) == 3 * MOST_AT_ONCE + 2


def test_few_of_many_named_nodes_are_found_by_a_filter(world):
    fleet = nodes(world, 2 * NODES_PER_PAGE)
    odd = a_node(world, agent_version="9.0.0")
    wanted = named(*fleet, odd).model_copy(update={"node_filters": {"version": "9.*"}})
    give(world, wanted)
    assert reached(world) == {odd.id}


def test_more_nodes_than_are_read_in_a_request_take_the_long_way(world):
    fleet = nodes(world, MOST_PAGES * NODES_PER_PAGE + 1)
    wanted = named(*fleet).model_copy(update={"node_filters": {"version": "9.*"}})
    before = len(world.platform.tables.meter.calls)
    give(world, wanted)
    assert executions(world) == []
    assert fan_out_of(world, give(world, Targeting(type=TargetType.ALL, node_filters={"version": "9.*"}))).parts
    assert len(world.platform.tables.meter.calls) - before < 40


def test_rollout_takes_the_long_way(world):
    machines(world, 2)
    give(world, rollout=RolloutLimits(max_concurrency=1))
    assert executions(world) == []
    assert len(asked_to_create(world)) == 1


def test_command_that_nobody_waits_for_takes_the_long_way(world):
    machines(world, 1)
    world.fleet.commands.registry.create(NewCommand("true", ALL), reach=EVERYWHERE)
    assert executions(world) == []


def test_no_node_found_leaves_the_search_to_the_long_way(world):
    world.driver.index_lag(1)
    (machine,) = machines(world, 1)
    give(world)
    assert executions(world) == []
    world.clock.advance(2)
    world.settle()
    assert reached(world) == {machine.id}


def test_node_that_an_index_hid_is_found_by_the_second_look(world):
    machines(world, 1)
    world.driver.index_lag(10)
    (hidden,) = machines(world, 1)
    give(world)
    assert len(executions(world)) == 1
    world.clock.advance(61)
    world.sweep("sweep_commands")
    world.settle()
    assert hidden.id in reached(world)


def test_named_nodes_are_not_looked_for_again(world):
    fleet = machines(world, 2)
    assert fan_out_of(world, give(world, named(*fleet), never_expires=True)).due_at is None
    assert fan_out_of(world, give(world, never_expires=True)).looks_since is not None


def test_reach_of_the_writer_bounds_the_executions(world):
    (mine,) = machines(world, 1, "north")
    machines(world, 1, "south")
    cluster = world.fleet.clusters.get("north", reach=EVERYWHERE)
    give(world, reach=Reach(frozenset({cluster.id})))
    assert reached(world) == {mine.id}


def test_retry_makes_its_executions_at_once(world):
    first, second = machines(world, 2)
    made = give(world)
    world.settle()
    for row in executions(world):
        if row["node_id"] == first.id:
            world.fleet.commands.executions.cancel(str(row["id"]), reach=EVERYWHERE)
    world.settle()
    wanted = Retry((RetriedOutcome.CANCELLED,))
    again = world.fleet.commands.retries.retry(made.id, wanted, reach=EVERYWHERE, by=root("MASTER_KEY"))
    assert [row["node_id"] for row in executions(world) if row["command_id"] == again.id] == [first.id]
    assert second.id in reached(world)


def test_deadline_expires_executions_of_the_short_way(world):
    machines(world, 1)
    give(world)
    world.clock.advance(86_401)
    for _ in range(3):
        world.sweep("sweep_commands")
        world.settle()
        world.clock.advance(901)
    assert [row["status"] for row in executions(world)] == [Status.EXPIRED]


def test_repeat_with_the_same_id_makes_nothing_more(world):
    machines(world, 2)
    row_id = world.ids.uuid7(world.clock.now())
    first, again = give(world, id=row_id), give(world, id=row_id)
    assert (again.id, len(executions(world))) == (first.id, 2)


def test_command_stays_creating_while_an_index_hides_its_executions(world):
    fleet = machines(world, 2)
    registry = world.fleet.commands.registry
    world.driver.index_lag(5)
    made = give(world, named(*fleet))
    progress = registry.get_with_progress(made.id, reach=EVERYWHERE)[1]
    assert (progress.state, progress.targets) == (CommandState.CREATING, None)
    with pytest.raises(EdgeError) as refused:
        registry.delete(made.id, reach=EVERYWHERE)
    assert refused.value.kind is Kind.CONFLICT
    world.clock.advance(6)
    progress = registry.get_with_progress(made.id, reach=EVERYWHERE)[1]
    assert (progress.state, progress.targets) == (CommandState.RUNNING, 2)


def test_key_that_sees_a_part_while_an_index_lags_cancels_that_part_alone(world):
    north, south = (world.fleet.clusters.get(name, reach=EVERYWHERE) for name in ("north", "south"))
    here, there = a_node(world, north), a_node(world, south)
    made = give(world, named(here, there))
    # As an index that does not show it yet has it.
    (hidden,) = [row for row in executions(world) if row["node_id"] == there.id]
    world.driver.write(Delete(EXECUTIONS, {"id": hidden["id"]}))
    world.fleet.commands.registry.cancel(made.id, reach=Reach(frozenset({north.id})))
    assert fan_out_of(world, made).cancel_requested_at is None


def test_command_of_deleted_executions_is_not_creating_for_ever(world):
    (machine,) = machines(world, 1)
    made = give(world, named(machine))
    (row,) = executions(world)
    world.fleet.commands.executions.cancel(str(row["id"]), reach=EVERYWHERE)
    world.fleet.commands.executions.delete(str(row["id"]), reach=EVERYWHERE)
    world.clock.advance(61)
    assert world.driver.row(EXECUTIONS, {"id": str(row["id"])}) is None
    assert world.fleet.commands.registry.get_with_progress(made.id, reach=EVERYWHERE)[1].state is CommandState.FINISHED


def test_short_way_costs_fewer_calls_and_no_more_write_units():
    spent = {}
    for short_way in (True, False):
        world = a_world(short_way=short_way)
        fleet = nodes(world, 10)
        calls = _calls_until_made(world, named(*fleet))
        writes = sum(call.write_units for call in calls)
        spent[short_way] = (len(calls), writes)
    # What is left out: to read command and fan-out again, the check of the fan-out, and its last write.
    assert spent == {True: (4, 86.0), False: (6, 91.0)}


def _calls_until_made(world, targeting):
    """All calls of tables from the request until the executions stand."""
    meter = world.platform.tables.meter
    meter.reset()
    give(world, targeting)
    calls = list(meter.calls)
    if not executions(world):
        for message in asked_to_create(world):
            meter.reset()
            chunk = world.fleet.commands.fan_outs.create_chunk(
                message["command_id"], message["part"], None, lambda *_: None
            )
            world.fleet.commands.fan_outs.finish(chunk)
            calls += meter.calls
    assert len(executions(world)) == 10
    return calls
