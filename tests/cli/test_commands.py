"""The commands of `edgectl`, against the real routes: what they do, print and end with."""

import gzip
import hashlib
import json

import httpx
import pytest
import yaml
from edgectl.errors import DEADLINE, INTERRUPTED, REFUSED, SOME_FAILED, UNSURE

from chalicelib.fleet.commands.output import object_key
from chalicelib.platform.access.permissions import KeyRole
from tests.support.builders import a_cluster, machines
from tests.support.callers import Agent, operator
from tests.support.terminal import Terminal
from tests.support.world import OUTPUTS, World


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


@pytest.fixture
def terminal(world):
    return Terminal(world)


@pytest.fixture
def nodes(world):
    found = machines(world, 3)
    world.settle()
    return found


class Fleet:
    """Agents that run whatever waits for them: those of the numbers in ``failing`` end with exit code 3."""

    def __init__(self, world, machines, failing=()):
        self.world = world
        self.agents = []
        client = operator(world)
        for number, machine in enumerate(machines):
            agent = Agent(client, number)
            agent.id, agent.token = machine.id, machine.token
            self.agents.append(agent)
        self.failing = failing
        self.before_report = lambda _: None
        self.more = {}

    def work(self):
        self.world.settle()
        for number, agent in enumerate(self.agents):
            for execution_id in agent.waiting():
                agent.acknowledge(execution_id)
                code = 3 if number in self.failing else 0
                self.before_report(execution_id)
                agent.report(execution_id, status="completed", exit_code=code, output=f"from {number}\n", **self.more)
        self.world.settle()


class TestRun:
    def test_run_shows_each_output_and_ends_with_0(self, terminal, world, nodes):
        terminal.meanwhile = Fleet(world, nodes).work
        ended = terminal.type("run", "--on", "all", "uname", "-s")

        assert ended.code == 0
        assert sorted(ended.out.splitlines()) == ["from 0", "from 1", "from 2"]
        assert "3 machines: 3 succeeded" in ended.err

    def test_run_that_fails_somewhere_ends_with_1_and_names_the_repeat(self, terminal, world, nodes):
        terminal.meanwhile = Fleet(world, nodes, failing={1}).work
        ended = terminal.type("run", "--on", "cluster:north", "true")
        command = json.loads(terminal.type("commands", "list", "-o", "json").out)[0]

        assert ended.code == SOME_FAILED
        assert f"{nodes[1].id}: failed, exit code 3" in ended.err
        assert f"edgectl retry {command['id']}" in ended.err

    def test_run_in_waves_stops_after_too_many_errors(self, terminal, world, nodes):
        terminal.meanwhile = Fleet(world, nodes, failing={0, 1, 2}).work
        ended = terminal.type("run", "--on", "all", "-c", "1", "-e", "0", "true")

        assert ended.code == SOME_FAILED
        assert "3 machines: 1 failed, 2 skipped; stopped: too many errors" in ended.err

    def test_errors_alone_have_a_run_go_in_waves(self, terminal, world, nodes):
        terminal.meanwhile = Fleet(world, nodes).work
        assert terminal.type("run", "--on", "all", "-e", "1", "true").code == 0
        (command,) = json.loads(terminal.type("commands", "list", "-o", "json").out)
        assert command["rollout"]["max_errors"] == 1

    def test_share_that_is_none_is_refused_before_anything_runs(self, terminal, nodes):
        refused = terminal.type("run", "--on", "all", "-c", "many", "true")
        assert (refused.code, "--max-concurrency 'many'" in refused.err) == (REFUSED, True)
        assert terminal.type("commands", "list", "-o", "json").out == "[]\n"

    def test_paused_run_says_how_it_goes_on_and_is_stopped(self, terminal, world, nodes):
        started = terminal.type("run", "--on", "all", "-c", "1", "--no-wait", "-o", "json", "true")
        command = json.loads(started.out)["id"]
        world.settle()
        assert json.loads(terminal.type("commands", "pause", command, "-o", "json").out)["rollout"]["state"] == "paused"
        watched = terminal.type("retry", command, "--outcome", "failed")
        assert watched.code == REFUSED
        shown = json.loads(terminal.type("commands", "resume", command, "-o", "json").out)
        assert shown["rollout"]["state"] == "running"
        shown = json.loads(terminal.type("commands", "stop", command, "--yes", "-o", "json").out)
        assert shown["rollout"]["reason"] == "stopped"

    def test_retry_runs_again_where_it_failed(self, terminal, world, nodes):
        fleet = Fleet(world, nodes, failing={1})
        terminal.meanwhile = fleet.work
        terminal.type("run", "--on", "all", "true")
        command = json.loads(terminal.type("commands", "list", "-o", "json").out)[0]
        world.clock.advance(1)
        fleet.failing = ()
        ended = terminal.type("retry", command["id"][:18], "-c", "50%")

        assert (ended.code, ended.out) == (0, "from 1\n")
        again = json.loads(terminal.type("commands", "list", "-o", "json").out)[0]
        assert again["rollout"]["max_concurrency"] == "50%"

    def test_schedule_gives_its_command_in_waves(self, terminal, world, nodes):
        waves = ("--max-concurrency", "2", "--max-errors", "5%")
        made = terminal.type(
            *("schedules", "create", "--name", "nightly", "--command", "true", "--on", "all", "--cron", "0 2 * * *"),
            *(*waves, "-o", "json"),
        )
        assert json.loads(made.out)["command"]["rollout"] == {"max_concurrency": 2, "max_errors": "5%"}

    def test_run_without_an_end_in_time_ends_with_124(self, terminal, nodes):
        ended = terminal.type("run", "--on", nodes[0].id, "--wait-at-most", "0s", "true")

        assert ended.code == DEADLINE
        assert "edgectl commands show" in ended.err

    def test_interrupted_run_says_how_to_stop_it(self, terminal, nodes):
        def interrupt():
            raise KeyboardInterrupt

        terminal.meanwhile = interrupt
        ended = terminal.type("run", "--on", nodes[0].id, "true")

        assert ended.code == INTERRUPTED
        assert "edgectl commands cancel" in ended.err

    @pytest.mark.parametrize("wrong", [("--wait-at-most", "10"), ("--show", "everything")])
    def test_wrong_option_of_following_is_refused_before_anything_runs(self, terminal, nodes, wrong):
        for line in (("run", "--on", "all", *wrong, "true"), ("scripts", "run", "tidy", "--on", "all", *wrong)):
            assert terminal.type(*line).code == REFUSED
        assert terminal.transport.asked == []

    def test_run_whose_answer_is_lost_says_that_it_may_run(self, terminal, nodes):
        terminal.transport.loses = httpx.ReadTimeout("gone")
        ended = terminal.type("run", "--on", "all", "true")
        terminal.transport.loses = None

        assert (ended.code, "it may have been given, and run" in ended.err) == (UNSURE, True)
        assert len(json.loads(terminal.type("commands", "list", "-o", "json").out)) == 1

    def test_run_interrupted_before_its_answer_says_that_it_may_run(self, terminal, nodes):
        terminal.transport.loses = KeyboardInterrupt()
        ended = terminal.type("run", "--on", "all", "true")

        assert (ended.code, "it may have been given, and run" in ended.err) == (INTERRUPTED, True)

    def test_dry_run_lists_the_machines_and_does_nothing(self, terminal, nodes):
        ended = terminal.type("run", "--on", "cluster:north", "--dry-run", "-o", "json", "true")

        assert {row["id"] for row in json.loads(ended.out)} == {node.id for node in nodes}
        assert terminal.type("commands", "list", "-o", "json").out == "[]\n"

    @pytest.mark.parametrize(
        "on", [("all", "cluster:north"), ("env=prod", "web"), ("",), ("cluster:north", "till-3"), ("nothing",)]
    )
    def test_targets_that_are_unclear_or_unknown_are_refused(self, terminal, nodes, on):
        ended = terminal.type("run", *(part for text in on for part in ("--on", text)), "true")

        assert ended.code == REFUSED
        assert terminal.type("commands", "list", "-o", "json").out == "[]\n"

    def test_run_without_targets_is_refused(self, terminal):
        assert terminal.type("run", "true").code == REFUSED


LONG = "".join(f"{number}\n" for number in range(100_000))


class TestWholeOutput:
    """Outputs beyond a result: an agent that uploads them does so before it reports."""

    @pytest.fixture
    def fleet(self, world, nodes):
        fleet = Fleet(world, nodes[:1])
        content = gzip.compress(LONG.encode(), mtime=0)
        ref = hashlib.sha256(content).hexdigest()
        fleet.more = {"output_size": len(LONG), "output_ref": ref}

        def store(execution_id):
            key = object_key(execution_id, ref)
            world.object_client.put_object(Bucket=OUTPUTS, Key=key, Body=content)

        fleet.before_report = store
        return fleet

    def test_run_shows_the_whole_of_a_long_output(self, terminal, nodes, fleet):
        terminal.meanwhile = fleet.work
        ended = terminal.type("run", "--on", nodes[0].id, "true")
        assert (ended.code, ended.out) == (0, LONG)
        execution = json.loads(terminal.type("executions", "list", "-o", "json").out)[0]
        assert terminal.type("executions", "output", execution["id"][:18]).out == LONG

    def test_output_that_is_not_kept_whole_is_shown_as_far_as_it_is(self, terminal, world, nodes, fleet):
        fleet.before_report = lambda _: None
        terminal.meanwhile = fleet.work
        ended = terminal.type("run", "--on", nodes[0].id, "true")
        assert (ended.code, ended.out) == (0, "from 0\n")
        assert f"{len(LONG)} bytes were written" in ended.err

    def test_short_output_is_printed_by_itself(self, terminal, world, nodes):
        terminal.meanwhile = Fleet(world, nodes[:1]).work
        terminal.type("run", "--on", nodes[0].id, "true")
        execution = json.loads(terminal.type("executions", "list", "-o", "json").out)[0]
        ended = terminal.type("executions", "output", execution["id"])
        assert (ended.code, ended.out, ended.err) == (0, "from 0\n", "")


def test_machines_that_are_not_healthy_are_listed(terminal, world, nodes):
    world.clock.advance(3600)
    world.sweep("check_health")
    world.settle()

    listed = json.loads(terminal.type("down", "north", "-o", "json").out)
    assert {row["id"] for row in listed} == {node.id for node in nodes}
    assert json.loads(terminal.type("down", "south", "-o", "json").out) == []


class TestNames:
    def test_node_is_found_by_alias_and_by_the_beginning_of_its_id(self, terminal, nodes):
        assert terminal.type("aliases", "create", nodes[0].id, "--name", "till-3").code == 0

        for name in ("till-3", nodes[0].id[:-2]):
            assert json.loads(terminal.type("nodes", "show", name, "-o", "json").out)["id"] == nodes[0].id

    def test_machines_are_labelled_listed_and_reached_by_labels(self, terminal, nodes):
        terminal.type("nodes", "label", nodes[0].id, "--set", "env=prod", "--set", "role=web")
        terminal.type("nodes", "label", nodes[1].id, "--set", "env=prod", "--set", "role=")

        listed = json.loads(terminal.type("nodes", "list", "--label", "env=prod", "-o", "json").out)
        assert {row["id"] for row in listed} == {nodes[0].id, nodes[1].id}
        reached = terminal.type("run", "--on", "env=prod,role=web", "--dry-run", "-o", "json", "true")
        assert [row["id"] for row in json.loads(reached.out)] == [nodes[0].id]

    def test_name_of_several_things_is_refused_with_all_of_them(self, terminal, world, nodes):
        ended = terminal.type("nodes", "show", nodes[0].id[:8])

        assert ended.code == REFUSED
        assert all(node.id in ended.err for node in nodes)

    def test_thing_of_another_clusters_key_does_not_exist(self, terminal, world, nodes):
        a_cluster(world, "south")
        terminal.type("aliases", "create", nodes[0].id, "--name", "till-3")
        south = world.fleet.clusters.find("south").id
        other = Terminal(world, world.key_with(role=KeyRole.ADMIN, restrictions={"clusters": frozenset({south})}))

        for name in ("till-3", nodes[0].id, nodes[0].id[:-2]):
            assert other.type("nodes", "show", name).code == REFUSED
            assert other.type("run", "--on", name, "true").code == REFUSED
        assert other.type("nodes", "list", "-o", "json").out == "[]\n"


class TestChanges:
    def test_enrollment_key_is_shown_with_the_lines_for_the_machine(self, terminal):
        ended = terminal.type("keys", "create", "north", "--uses", "none", "--expires", "7d")

        assert "install.sh" in ended.out
        assert "2026-11-28T10:00:00Z" in ended.out

    def test_deletion_asks_and_does_nothing_without_a_yes(self, terminal, nodes):
        assert terminal.type("nodes", "delete", nodes[0].id, typed="n\n").code == INTERRUPTED
        assert terminal.type("nodes", "show", nodes[0].id).code == 0
        assert terminal.type("nodes", "delete", nodes[0].id, "--yes").code == 0
        assert terminal.type("nodes", "show", nodes[0].id).code == REFUSED

    def test_change_without_a_field_is_refused(self, terminal):
        ended = terminal.type("clusters", "update", "north")

        assert (ended.code, ended.err) == (REFUSED, "edgectl: nothing to change: give one of --node-limit\n")

    def test_limit_can_be_set_and_cleared(self, terminal):
        for limit, stored in (("5", 5), ("none", None)):
            ended = terminal.type("clusters", "update", "north", "--node-limit", limit, "-o", "json")
            assert json.loads(ended.out)["node_limit"] == stored

    def test_key_of_a_viewer_changes_nothing(self, world, nodes):
        viewer = Terminal(world, world.key_with(role=KeyRole.VIEWER))
        before = world.state()
        for line in (
            ("run", "--on", "all", "true"),
            ("nodes", "delete", nodes[0].id, "--yes"),
            ("clusters", "create", "--name", "south"),
            ("ssh-groups", "revoke", "--user", "ada", "--yes"),
        ):
            ended = viewer.type(*line)
            assert ended.code == REFUSED
            assert "this key may not do that" in ended.err
        assert world.state() == before
        assert viewer.type("nodes", "list").code == 0


class TestScripts:
    def test_script_is_saved_from_a_file_and_run(self, terminal, world, nodes, tmp_path):
        text = tmp_path / "restart.sh"
        text.write_text('systemctl restart "$UNIT"\n')
        parameters = ("--parameter", "UNIT enum values=nginx,sshd required", "--parameter", "NOTE description='a note'")
        saved = terminal.type("scripts", "save", "restart", "--file", str(text), *parameters, "--output", "json")
        made = json.loads(saved.out)
        assert (made["script_text"], made["version"]) == (text.read_text(), 1)
        unit, note = made["parameters"]
        assert (unit["type"], unit["values"], unit["required"]) == ("enum", ["nginx", "sshd"], True)
        assert (note["type"], note["description"]) == ("string", "a note")
        line = ("restart", "--on", "all", "--set", "UNIT=sshd", "--no-wait", "--output", "json")
        run = terminal.type("scripts", "run", *line)
        assert json.loads(run.out)["script"] == {"name": "restart", "version": 1}
        found = terminal.type("commands", "list", "--script", "restart", "--output", "json")
        assert [row["id"] for row in json.loads(found.out)] == [json.loads(run.out)["id"]]

    def saved(self, terminal, tmp_path):
        """The words that run a saved script on every machine."""
        text = tmp_path / "tidy.sh"
        text.write_text("rm -r /tmp/old\n")
        assert terminal.type("scripts", "save", "tidy", "--file", str(text)).code == 0
        return ("scripts", "run", "tidy", "--on", "all")

    def test_run_of_a_script_is_followed_and_ends_with_0(self, terminal, world, nodes, tmp_path):
        run = self.saved(terminal, tmp_path)
        terminal.meanwhile = Fleet(world, nodes).work
        ended = terminal.type(*run)

        assert ended.code == 0
        assert sorted(ended.out.splitlines()) == ["from 0", "from 1", "from 2"]
        assert "3 machines: 3 succeeded" in ended.err

    def test_run_of_a_script_that_fails_somewhere_ends_with_1(self, terminal, world, nodes, tmp_path):
        run = self.saved(terminal, tmp_path)
        terminal.meanwhile = Fleet(world, nodes, failing={1}).work
        ended = terminal.type(*run, "--show", "failed")

        assert ended.code == SOME_FAILED
        assert ended.out == "from 1\n"

    def test_run_that_its_key_cannot_follow_goes_on_and_says_so(self, terminal, world, nodes, tmp_path):
        run = self.saved(terminal, tmp_path)
        key = world.key_with(permissions=frozenset({"scripts:run"}))
        ended = Terminal(world, key=key).type(*run)

        assert ended.code == UNSURE
        assert "commands:read" in ended.err
        assert "it goes on: edgectl commands show" in ended.err

    def test_script_runs_with_a_secret_from_a_file(self, terminal, world, nodes, tmp_path):
        value, text = tmp_path / "password", tmp_path / "report.sh"
        value.write_text("hunter2 with a\nsecond line\n")
        text.write_text('report "$PASSWORD"\n')
        line = ("db-password", "--value-file", str(value), "--description", "of reports", "--output", "json")
        assert json.loads(terminal.type("secrets", "save", *line).out)["version"] == 1
        assert world.fleet.secrets.values(["db-password"])["db-password"].reveal() == "hunter2 with a\nsecond line"
        again = terminal.type("secrets", "save", "db-password", "--value-file", "-", typed="another\n")
        assert (again.code, "another" in again.out) == (0, False)
        assert terminal.type("secrets", "list", "--output", "json").out.count("db-password") == 1
        line = ("report", "--file", str(text), "--parameter", "PASSWORD sensitive required")
        assert terminal.type("scripts", "save", *line).code == 0
        line = ("report", "--on", "all", "--secret", "PASSWORD=db-password", "--no-wait", "--output", "json")
        run = ("scripts", "run", *line)
        assert "# PASSWORD is the secret db-password" in json.loads(terminal.type(*run).out)["command_text"]
        assert terminal.type("secrets", "delete", "db-password", "--yes").code == 0
        assert terminal.type(*run).code == REFUSED

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ("", "expected NAME TYPE"),
            ("UNIT text", "'text' is none of string"),
            ("A integer minimum=x", "whole number"),
        ],
    )
    def test_parameter_of_another_form_is_refused(self, terminal, given, said, tmp_path):
        text = tmp_path / "true.sh"
        text.write_text("true\n")
        ended = terminal.type("scripts", "save", "restart", "--file", str(text), "--parameter", given)
        assert ended.code == REFUSED
        assert said in ended.err


class TestSchedules:
    def test_schedule_of_a_script_is_made(self, terminal, nodes, tmp_path):
        text = tmp_path / "restart.sh"
        text.write_text('systemctl restart "$UNIT"\n')
        terminal.type("scripts", "save", "restart", "--file", str(text), "--parameter", "UNIT")
        line = ("--script", "restart", "--set", "UNIT=sshd", "--on", "all", "--cron", "30 2 * * *", "--output", "json")
        made = json.loads(terminal.type("schedules", "create", "--name", "nightly", *line).out)
        assert made["command"]["script"] == {"name": "restart", "parameters": {"UNIT": "sshd"}, "secrets": {}}

    def test_schedule_is_made_changed_paused_and_resumed_by_its_name(self, terminal, nodes):
        line = ("--command", "df -h", "--on", "all", "--cron", "30 2 * * *", "--within", "3600", "--output", "json")
        made = json.loads(terminal.type("schedules", "create", "--name", "nightly", *line).out)
        assert (made["command"]["command_text"], made["if_offline"]["run_within_seconds"]) == ("df -h", 3600)
        assert terminal.type("schedules", "update", "nightly", "--timezone", "Europe/Berlin").code == 0
        for verb, state in (("pause", "paused"), ("resume", "active")):
            assert json.loads(terminal.type("schedules", verb, "nightly", "--output", "json").out)["state"] == state
        assert terminal.type("schedules", "runs", "nightly").code == 0


class TestOutput:
    @pytest.mark.parametrize(
        ("form", "read"),
        [
            ("json", json.loads),
            ("yaml", yaml.safe_load),
            ("jsonl", lambda text: [json.loads(line) for line in text.splitlines()]),
        ],
    )
    def test_list_in_a_format_for_programs_has_every_row(self, terminal, nodes, form, read):
        rows = read(terminal.type("nodes", "list", "-o", form, "--columns", "id,status").out)

        assert sorted(row["id"] for row in rows) == sorted(node.id for node in nodes)
        assert {row["status"] for row in rows} == {"healthy"}

    def test_list_as_csv_has_a_line_of_names(self, terminal, nodes):
        lines = terminal.type("nodes", "list", "-o", "csv", "--columns", "id,cluster_name").out.splitlines()

        assert lines[0] == "id,cluster_name"
        assert len(lines) == 1 + len(nodes)

    def test_list_longer_than_a_page_is_complete(self, terminal, world):
        for number in range(130):
            a_cluster(world, f"c{number}")

        assert len(terminal.type("clusters", "list", "-o", "jsonl").out.splitlines()) == 131
        assert len(terminal.type("clusters", "list", "--limit", "7", "-o", "jsonl").out.splitlines()) == 7

    def test_unknown_column_is_refused_with_those_that_there_are(self, terminal, nodes):
        ended = terminal.type("nodes", "list", "--columns", "id,colour")

        assert ended.code == REFUSED
        assert "no column 'colour'; there are id, " in ended.err

    def test_refusal_of_the_control_plane_names_the_field(self, terminal):
        ended = terminal.type("clusters", "create", "--name", "No Name")

        assert ended.code == REFUSED
        assert "name: " in ended.err
        assert "Traceback" not in ended.err

    def test_any_operation_can_be_called_by_its_path(self, terminal):
        ended = terminal.type("api", "post", "/api/v1/clusters", "--data", '{"name": "south"}')

        assert json.loads(ended.out)["data"]["name"] == "south"
