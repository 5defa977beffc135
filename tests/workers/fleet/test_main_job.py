"""The main job on the in-process world: a command reaches its machines, results come back, events tell about it.

The same stories are told with everything delivered twice and with a crash after each single write; what is left in the
tables, on the bus and in the agents' hands must not differ.
"""

from collections import Counter

import pytest

from chalicelib.fleet.commands.model import Report, Status
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.platform.events.service import SOURCE
from tests.support.builders import Machine, a_cluster, a_command, machines
from tests.support.world import World


def run_all(world: World, fleet: list[Machine], *, exit_code: int = 0) -> None:
    """Play the agents: acknowledge and report whatever is pending."""
    executions = world.fleet.commands.executions
    for machine in fleet:
        for execution_id in executions.waiting_for(machine.id, 1000).pending:
            executions.acknowledge(machine.id, execution_id)
            executions.report(machine.id, execution_id, Report(is_expired=False, output="done\n", exit_code=exit_code))


def story(*, twice: bool = False, crash: tuple[int, int] | None = None) -> World:
    """Three machines, one connected; a command for all, run by two; a cancel for the third; then a node goes.

    ``crash`` = (chapter, write): in which settling of the world a handler dies, and after which of its writes.
    """
    world = World()
    chapters = iter(range(10))

    def settle() -> None:
        chapter = next(chapters)
        world.settle(twice=twice, crash_after=crash[1] if crash and crash[0] == chapter else None)
        world.ids.restart(chapter)  # repeats draw more ids; what operators and agents draw must stay comparable

    a_cluster(world)
    fleet = machines(world, 3)
    world.socket_client.frames["socket-0"] = []
    world.fleet.nodes.connections.connected(fleet[0].token, "socket-0", 1)
    settle()
    a_command(world)
    settle()
    run_all(world, fleet[:2])
    settle()
    (waiting,) = world.fleet.commands.executions.waiting_for(fleet[2].id, 1000).pending
    world.fleet.commands.executions.cancel(waiting, reach=EVERYWHERE)
    settle()
    world.fleet.nodes.placing.delete(fleet[1].id, reach=EVERYWHERE)
    settle()
    return world


def what_is_left(world: World) -> dict[str, list[dict]]:
    """All rows without what names the single write."""
    ignored = {"changed_by", "connected_at_ms"}
    volatile = {"counters"}  # its rows name batches; the totals are compared by the test
    return {
        table: [{name: value for name, value in row.items() if name not in ignored} for row in rows]
        for table, rows in world.driver.snapshot().items()
        if table not in volatile
    }


def events(world: World) -> dict[str, str]:
    return {envelope["id"]: envelope["type"] for envelope in world.bus_client.envelopes if envelope["source"] == SOURCE}


def totals(world: World) -> dict[str, int]:
    names = ("nodes", "nodes#status#healthy", "executions", "executions#status#completed", "commands", "clusters")
    return {name: world.platform.counters.read(name) for name in names}


class TestTheMainJob:
    def test_command_creates_an_execution_per_node_and_wakes_connected_ones(self):
        world = World()
        a_cluster(world)
        fleet = machines(world, 3)
        world.socket_client.frames["socket-0"] = []
        world.fleet.nodes.connections.connected(fleet[0].token, "socket-0", 1)
        command = a_command(world)
        world.settle()
        rows = world.driver.rows(EXECUTIONS)
        assert {row["node_id"] for row in rows} == {machine.id for machine in fleet}
        assert {row["command_id"] for row in rows} == {command.id}
        mine = next(row["id"] for row in rows if row["node_id"] == fleet[0].id)
        assert {"type": "executions", "ids": [mine]} in world.socket_client.frames["socket-0"]
        (fan_out,) = world.driver.rows(FAN_OUTS)
        assert "parts" not in fan_out

    def test_reported_results_are_stored_and_read(self):
        world = World()
        a_cluster(world)
        fleet = machines(world, 2)
        a_command(world)
        world.settle()
        run_all(world, fleet, exit_code=3)
        views = [
            world.fleet.commands.executions.get(str(row["id"]), reach=EVERYWHERE)
            for row in world.driver.rows(EXECUTIONS)
        ]
        assert [(view.execution.status, view.execution.exit_code) for view in views] == [(Status.COMPLETED, 3)] * 2
        assert {view.execution.output for view in views} == {"done\n"}

    def test_main_story_makes_the_expected_events(self):
        assert Counter(events(story()).values()) == {
            "edge.enrollment_key.verified": 3,
            "edge.node.registered": 3,
            "edge.command_execution.created": 3,
            "edge.command_execution.sent": 2,
            "edge.command_execution.completed": 2,
            "edge.command_execution.cancelled": 1,
        }

    def test_main_story_leaves_the_expected_totals(self):
        assert totals(story()) == {
            "nodes": 2,
            "nodes#status#healthy": 2,
            "executions": 3,
            "executions#status#completed": 2,
            "commands": 1,
            "clusters": 1,
        }


class TestRepeats:
    def test_main_story_with_duplicate_deliveries_ends_the_same(self):
        once, twice = story(), story(twice=True)
        assert what_is_left(twice) == what_is_left(once)
        assert events(twice) == events(once)
        assert totals(twice) == totals(once)

    @pytest.mark.parametrize("chapter", range(5))
    @pytest.mark.parametrize("write", range(1, 16))
    def test_main_story_with_a_crash_after_any_write_ends_the_same(self, chapter, write):
        once, crashed = story(), story(crash=(chapter, write))
        assert what_is_left(crashed) == what_is_left(once)
        assert events(crashed) == events(once)
        assert totals(crashed) == totals(once)
