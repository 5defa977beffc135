"""Commands and their executions as callers with a restricted reach see them and act on them."""

from datetime import timedelta

import pytest

from chalicelib.fleet.commands.model import CommandState, NewCommand, Report, Status
from chalicelib.fleet.commands.reached_commands import COUNTED
from chalicelib.fleet.commands.rules import partly_out_of_reach
from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import OLDEST_FIRST, ListRequest
from chalicelib.kit.tasks import TABLE as TASKS
from tests.application.fleet.commands.fleet import a_node
from tests.support.builders import a_cluster, machines
from tests.support.world import World

NOWHERE = "01900000-0000-7000-8000-000000000000"
NOTHING = Reach(frozenset())


class Fleet:
    """Clusters north and south with nodes each, and the reaches of keys for them."""

    def __init__(self, size=2):
        self.world = World()
        self.clusters = {name: a_cluster(self.world, name) for name in ("north", "south", "east")}
        self.nodes = {
            name: [a_node(self.world, self.clusters[name]) for _ in range(size)] for name in ("north", "south")
        }
        self.registry = self.world.fleet.commands.registry
        self.executions = self.world.fleet.commands.executions

    def reach(self, *names):
        return Reach(frozenset(self.clusters[name].id for name in names))

    def run(self, kind="all", reach=EVERYWHERE, text="true", *, allow_missing=False, settled=True, **targeting):
        new = NewCommand(text, Targeting(type=TargetType(kind), **targeting), allow_missing=allow_missing)
        made = self.registry.create(new, reach=reach)
        if settled:
            self.world.settle()
        return made

    def names(self, *names):
        return tuple(node.id for name in names for node in self.nodes[name])

    def reached(self, made):
        """The clusters in which the command has executions, with their number."""
        found = [row["node_cluster_name"] for row in self.rows(made)]
        return {name: found.count(name) for name in found}

    def rows(self, made):
        return [row for row in self.world.driver.rows(EXECUTIONS) if row["command_id"] == made.id]

    def listed(self, reach, **request):
        page = self.registry.list_page(ListRequest(**request), reach=reach)
        return [command.id for command in page.items], page.total_count

    def statuses(self, made):
        return {
            name: sorted(str(row["status"]) for row in self.rows(made) if row["node_cluster_name"] == name)
            for name in ("north", "south")
        }

    def finish(self, made, name):
        for row in self.rows(made):
            if row["node_cluster_name"] == name:
                self.executions.acknowledge(str(row["node_id"]), str(row["id"]))
                self.executions.report(str(row["node_id"]), str(row["id"]), Report(is_expired=False, exit_code=0))
        self.world.settle()


@pytest.fixture
def fleet():
    return Fleet()


def kind_of(call, *arguments, **options):
    with pytest.raises(EdgeError) as raised:
        call(*arguments, **options)
    return raised.value.kind


class TestTargets:
    def test_command_for_all_of_a_restricted_caller_is_for_its_clusters(self, fleet):
        made = fleet.run(reach=fleet.reach("north", "east"))
        assert fleet.reached(made) == {"north": 2}
        shown = made.targeting.shown(fleet.reach("north", "east"))
        assert shown == {"type": "clusters", "cluster_names": ["north", "east"]}
        assert made.targeting.shown(EVERYWHERE) == shown

    def test_command_for_all_of_a_caller_who_reaches_nothing_reaches_no_node(self, fleet):
        assert fleet.reached(fleet.run(reach=NOTHING)) == {}

    @pytest.mark.parametrize("reach", [EVERYWHERE, "north"])
    def test_named_node_outside_the_reach_is_refused_as_an_unknown_one(self, fleet, reach):
        reach = reach if reach is EVERYWHERE else fleet.reach(reach)
        wanted = NOWHERE if reach is EVERYWHERE else fleet.nodes["south"][0].id
        with pytest.raises(EdgeError) as raised:
            fleet.run("nodes", reach, node_ids=(fleet.nodes["north"][0].id, wanted))
        texts = [text.replace(wanted, "…") for text in (raised.value.details or {})["targeting/node_ids"]]
        assert texts == ["there is no node '…'", "allow_missing: true passes over what does not exist"]

    def test_named_cluster_outside_the_reach_is_refused_as_an_unknown_one(self, fleet):
        refusals = []
        for name, reach in (("south", fleet.reach("north")), ("nowhere", EVERYWHERE)):
            with pytest.raises(EdgeError) as raised:
                fleet.run("clusters", reach, cluster_names=("north", name))
            refusals.append(str(raised.value.details).replace(name, "…"))
        assert refusals[0] == refusals[1]

    @pytest.mark.parametrize("kind", ["nodes", "clusters"])
    def test_missing_targets_outside_the_reach_are_passed_over_if_allowed(self, fleet, kind):
        targeting = (
            {"node_ids": fleet.names("north", "south")}
            if kind == "nodes"
            else {"cluster_names": ("north", "south", "nowhere")}
        )
        made = fleet.run(kind, fleet.reach("north"), allow_missing=True, **targeting)
        assert fleet.reached(made) == {"north": 2}

    def test_node_that_leaves_the_reach_before_its_turn_gets_no_execution(self, fleet):
        made = fleet.run("nodes", fleet.reach("north"), node_ids=fleet.names("north"), settled=False)
        fleet.world.fleet.nodes.placing.change_cluster(fleet.nodes["north"][0].id, "east", reach=EVERYWHERE)
        fleet.world.settle()
        assert fleet.reached(made) == {"north": 1}

    def test_filters_of_a_restricted_caller_select_within_its_reach(self, fleet):
        made = fleet.run(reach=fleet.reach("north"), cluster_filters={"name": "s*"})
        assert fleet.reached(made) == {}


class TestParts:
    def test_command_shows_each_caller_its_part_of_the_summary(self, fleet):
        made = fleet.run()
        fleet.finish(made, "north")
        _, progress = fleet.registry.get_with_progress(made.id, reach=fleet.reach("north"))
        assert (progress.state, progress.targets, progress.finished_at) == (CommandState.FINISHED, 2, None)
        assert progress.summary is not None
        assert (progress.summary.total, progress.summary.succeeded) == (2, 2)
        _, progress = fleet.registry.get_with_progress(made.id, reach=fleet.reach("south"))
        assert progress.summary is not None
        assert (progress.state, progress.summary.open) == (CommandState.RUNNING, 2)
        _, progress = fleet.registry.get_with_progress(made.id, reach=fleet.reach("north", "south"))
        assert progress.summary is not None
        assert (progress.summary.total, progress.summary.open) == (4, 2)

    @pytest.mark.parametrize("names", [("south",), ("east",), ()])
    def test_command_without_a_part_within_reach_is_not_found(self, fleet, names):
        made, reach = fleet.run("clusters", cluster_names=("north",)), fleet.reach(*names)
        assert kind_of(fleet.registry.get_with_progress, made.id, reach=reach) is Kind.NOT_FOUND
        assert kind_of(fleet.registry.cancel, made.id, reach=reach) is Kind.NOT_FOUND
        assert kind_of(fleet.registry.delete, made.id, reach=reach) is Kind.NOT_FOUND
        assert fleet.listed(reach) == ([], 0)

    def test_command_of_a_restricted_caller_is_its_own_before_it_has_executions(self, fleet):
        reach = fleet.reach("north")
        made = fleet.run(reach=reach, settled=False)
        _, progress = fleet.registry.get_with_progress(made.id, reach=reach)
        assert progress.state is CommandState.CREATING
        wider, other = fleet.reach("north", "south"), fleet.reach("south")
        assert fleet.registry.get_with_progress(made.id, reach=wider)[0].id == made.id
        assert kind_of(fleet.registry.get_with_progress, made.id, reach=other) is Kind.NOT_FOUND

    def test_targeting_shows_only_its_type_to_callers_who_do_not_reach_all_of_it(self, fleet):
        made = fleet.run("nodes", node_ids=fleet.names("north", "south"))
        assert made.targeting.shown(fleet.reach("north")) == {"type": "nodes"}

    def test_commands_of_one_millisecond_are_told_apart(self, fleet):
        north, south = (fleet.run("clusters", cluster_names=(name,)) for name in ("north", "south"))
        both = fleet.run()
        assert north.inserted_at == both.inserted_at
        assert set(fleet.listed(fleet.reach("north"))[0]) == {north.id, both.id}
        assert set(fleet.listed(fleet.reach("south"))[0]) == {south.id, both.id}
        assert kind_of(fleet.registry.get_with_progress, south.id, reach=fleet.reach("north")) is Kind.NOT_FOUND

    def test_execution_stays_with_the_cluster_in_which_it_was_made(self, fleet):
        made = fleet.run("clusters", cluster_names=("north",))
        fleet.world.fleet.nodes.placing.change_cluster(fleet.nodes["north"][0].id, "south", reach=EVERYWHERE)
        fleet.world.settle()
        for row in fleet.rows(made):
            execution_id = str(row["id"])
            assert fleet.executions.get(execution_id, reach=fleet.reach("north")).execution.id == execution_id
            assert kind_of(fleet.executions.get, execution_id, reach=fleet.reach("south")) is Kind.NOT_FOUND
            assert kind_of(fleet.executions.cancel, execution_id, reach=fleet.reach("south")) is Kind.NOT_FOUND
            assert kind_of(fleet.executions.delete, execution_id, reach=fleet.reach("south")) is Kind.NOT_FOUND
        assert fleet.statuses(made)["north"] == ["pending", "pending"]

    def test_cluster_made_again_under_a_name_has_no_part_of_older_commands(self, fleet):
        (machine,) = machines(fleet.world, 1, "east")
        made = fleet.run("clusters", cluster_names=("east",))
        fleet.world.fleet.nodes.placing.change_cluster(machine.id, "south", reach=EVERYWHERE)
        fleet.world.fleet.clusters.delete("east", reach=EVERYWHERE)
        fleet.world.clock.advance(1)
        again = Reach(frozenset({a_cluster(fleet.world, "east").id}))
        assert kind_of(fleet.registry.get_with_progress, made.id, reach=again) is Kind.NOT_FOUND
        assert fleet.listed(again) == ([], 0)
        assert fleet.executions.list_page(ListRequest(), reach=again).items == []


class TestLists:
    @pytest.fixture
    def made(self, fleet):
        """One command a second: for the north, the south and both, in turn."""
        commands = []
        for number in range(9):
            fleet.world.clock.advance(1)
            names = (("north",), ("south",), ("north", "south"))[number % 3]
            commands.append(fleet.run("clusters", text=f"echo {number % 2}", cluster_names=names))
        return commands

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_command_list_shows_and_counts_commands_with_a_part_within_reach(self, fleet, made, newest_first):
        expected = [command.id for number, command in enumerate(made) if number % 3 != 1]
        expected = expected[::-1] if newest_first else expected
        order = {} if newest_first else {"order": OLDEST_FIRST}
        reach, seen = fleet.reach("north"), []
        for page in (1, 2, 3):
            ids, total = fleet.listed(reach, page=page, page_size=4, **order)
            assert total == 6
            seen += ids
        assert seen == expected

    def test_command_list_of_a_caller_who_reaches_nothing_is_empty_without_a_read(self, fleet, made):
        fleet.world.platform.tables.meter.reset()
        assert fleet.listed(NOTHING) == ([], 0)
        assert fleet.executions.list_page(ListRequest(), reach=NOTHING).total_count == 0
        assert fleet.world.platform.tables.meter.count == 0

    def test_command_list_filters_and_sorts_within_reach(self, fleet, made):
        ids, total = fleet.listed(fleet.reach("south"), filters={"command_text": "echo 1"})
        assert (set(ids), total) == ({made[1].id, made[5].id, made[7].id}, 3)
        ids, _ = fleet.listed(fleet.reach("south"), order=(("updated_at", False),))
        assert ids == [made[number].id for number in (1, 2, 4, 5, 7, 8)]

    def test_command_list_keeps_within_times_of_insertion(self, fleet, made):
        filters = {"inserted_at__gte": made[2].inserted_at, "inserted_at__lte": made[5].inserted_at}
        ids, total = fleet.listed(fleet.reach("north"), filters=filters)
        assert (ids, total) == ([made[number].id for number in (5, 3, 2)], 3)

    def test_command_list_by_cursor_shows_all_with_a_part_within_reach(self, fleet, made):
        cursor, seen, reach = "", [], fleet.reach("north")
        while cursor is not None:
            page = fleet.registry.list_page(ListRequest(page_size=2, cursor=cursor), reach=reach)
            seen += [command.id for command in page.items]
            cursor = page.next_cursor
        assert seen == [command.id for number, command in reversed(list(enumerate(made))) if number % 3 != 1]

    def test_deleted_command_leaves_the_list_of_a_restricted_caller(self, fleet, made):
        fleet.finish(made[0], "north")
        fleet.registry.delete(made[0].id, reach=fleet.reach("north"))
        assert made[0].id not in fleet.listed(fleet.reach("north"))[0]

    def test_execution_list_shows_and_counts_executions_within_reach(self, fleet, made):
        for filters, expected in (
            ({}, 12),
            ({"command_id": made[2].id}, 2),
            ({"command_id": made[1].id}, 0),
            ({"status": "pending"}, 12),
            ({"status": "sent"}, 0),
            ({"command_id": made[2].id, "status": "pending"}, 2),
            ({"cluster_name": "south"}, 0),
            ({"cluster_name": "*"}, 12),
            ({"node_id": fleet.nodes["south"][0].id}, 0),
        ):
            page = fleet.executions.list_page(ListRequest(filters=filters), reach=fleet.reach("north"))
            assert {view.execution.node_cluster_name for view in page.items} <= {"north"}
            assert (len(page.items), page.total_count) == (expected, expected), filters

    def test_execution_list_of_a_command_pages_through_its_part(self, fleet, made):
        pages = [
            fleet.executions.list_page(
                ListRequest(page=number, page_size=1, filters={"command_id": made[2].id}), reach=fleet.reach("north")
            )
            for number in (1, 2, 3)
        ]
        assert [page.total_count for page in pages] == [2, 2, 2]
        assert len({view.execution.id for page in pages for view in page.items}) == 2

    def test_command_list_reads_on_behind_large_commands(self):
        fleet = Fleet(size=120)
        for _ in range(3):
            fleet.world.clock.advance(1)
            fleet.run(settled=True)
        fleet.world.platform.tables.meter.reset()
        ids, total = fleet.listed(fleet.reach("north"))
        assert (len(ids), total) == (3, 3)
        queried = [call for call in fleet.world.platform.tables.meter.calls if call.operation == "Query"]
        assert len(queried) < 3 * 4 * 3

    def test_command_list_counts_a_bounded_number_behind_its_page(self, fleet):
        for _ in range(COUNTED + 5):
            fleet.world.clock.advance(1)
            fleet.run("nodes", node_ids=fleet.names("north")[:1])
        assert fleet.listed(fleet.reach("north"), page_size=2)[1] == COUNTED + 2


class TestChanges:
    def test_cancel_of_a_partly_reached_command_cancels_that_part_only(self, fleet):
        made = fleet.run()
        row = next(row for row in fleet.rows(made) if row["node_cluster_name"] == "north")
        fleet.executions.acknowledge(str(row["node_id"]), str(row["id"]))
        for _ in range(2):
            fleet.registry.cancel(made.id, reach=fleet.reach("north"))
            fleet.world.settle(twice=True)
        assert fleet.statuses(made) == {"north": ["cancelled", "sent"], "south": ["pending", "pending"]}
        (asked,) = [row for row in fleet.rows(made) if row.get("cancel_requested_at")]
        assert asked["status"] == Status.SENT.value

    @pytest.mark.parametrize("writes", range(1, 5))
    def test_cancel_of_a_part_ends_also_after_a_crash(self, fleet, writes):
        made = fleet.run()
        fleet.registry.cancel(made.id, reach=fleet.reach("south"))
        fleet.world.settle(crash_after=writes)
        assert fleet.statuses(made) == {"north": ["pending", "pending"], "south": ["cancelled", "cancelled"]}

    def test_cancel_of_a_part_looks_again_when_indexes_have_caught_up(self, fleet):
        made = fleet.run("clusters", cluster_names=("north", "south"), settled=False)
        fleet.world.settle()
        fleet.registry.cancel(made.id, reach=fleet.reach("north"))
        fleet.world.settle()
        fleet.world.clock.advance(timedelta(minutes=30).total_seconds())
        fleet.world.sweep("sweep_commands")
        fleet.world.settle()
        assert fleet.world.driver.rows(TASKS) == []

    def test_cancel_of_a_command_made_within_reach_ends_its_creation(self, fleet):
        reach = fleet.reach("north")
        made = fleet.run(reach=reach, settled=False)
        fleet.registry.cancel(made.id, reach=reach)
        fleet.world.settle()
        assert fleet.rows(made) == []

    def test_command_that_is_partly_out_of_reach_is_not_deleted(self, fleet):
        made = fleet.run()
        fleet.finish(made, "north")
        fleet.finish(made, "south")
        with pytest.raises(EdgeError) as raised:
            fleet.registry.delete(made.id, reach=fleet.reach("north"))
        assert (raised.value.kind, raised.value.message) == (Kind.FORBIDDEN, partly_out_of_reach().message)
        assert len(fleet.rows(made)) == 4
        fleet.registry.delete(made.id, reach=fleet.reach("north", "south"))
        fleet.world.settle()
        assert fleet.rows(made) == []
