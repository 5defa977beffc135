"""Facts of the fleet become the history of its nodes: from the change stream to the answers of the API."""

import itertools
import json
import random
from datetime import timedelta

import pytest

from chalicelib.fleet.commands.model import Report
from chalicelib.fleet.facts import LOGIN_REFUSED, NODE_DELETED, NODE_ENROLLED
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.ssh.model import AuthMethod, Credential, NewUsername
from chalicelib.kit.bus import INTERNAL_SOURCE
from chalicelib.kit.crypto import Secret
from chalicelib.machines.analytics.facts import OF_MACHINES
from chalicelib.machines.analytics.queues import ANALYTICS
from chalicelib.machines.analytics.store import EVENTS, INSTANCES, OWNERS, PERIODS
from chalicelib.platform.provisioning.changes import RESOURCE_CHANGED
from tests.support.builders import a_cluster, a_command, a_registration, machines
from tests.support.declared import WORKERS
from tests.support.operations.machines import MachinesScene
from tests.support.world import bus_message, sqs_record

TABLES = (OWNERS, INSTANCES, EVENTS, PERIODS)
HOST = "node_load1 0.5\nnode_memory_MemTotal_bytes 1000\nnode_memory_MemAvailable_bytes 250\n"


@pytest.fixture
def scene():
    scene = MachinesScene()
    a_cluster(scene.world)
    return scene


def enrolled(scene):
    (machine,) = machines(scene.world, 1)
    return machine


def ask(scene, machine, dataset, **more):
    body = {
        "instanceId": machine.id,
        "dataset": dataset,
        "from": "2026-11-21T00:00:00Z",
        "to": "2026-11-24T00:00:00Z",
        **more,
    }
    answer = scene.request("query_analytics", json=body)
    assert answer.status == 200, answer.text
    return answer.json["elements"]


def topics(scene, machine):
    return {one["topic"]: one["count"] for one in ask(scene, machine, "topics")}


def run(scene, machine, exit_code, output="done\n", seconds=5):
    """A command on the node, from its creation to its result."""
    world, executions = scene.world, scene.world.fleet.commands.executions
    a_command(world)
    world.settle()
    for waiting in executions.waiting_for(machine.id, 10).pending:
        executions.acknowledge(machine.id, waiting)
        world.clock.advance(seconds)
        executions.report(machine.id, waiting, Report(is_expired=False, output=output, exit_code=exit_code))
    world.settle()


def silent(scene, seconds):
    """So long nothing is heard of any node, and that is noticed."""
    scene.world.clock.advance(seconds)
    scene.world.sweep("check_health")
    scene.world.settle()


def heard(scene, machine):
    agent = scene.world.fleet.nodes.identity.authenticate(machine.token, None)
    scene.world.fleet.nodes.health.touch(agent)
    scene.world.settle()


def rows(world):
    """What is kept, without the stamps of writes."""
    return {
        table.name: sorted(
            (
                {name: value for name, value in row.items() if name not in {"changed_by", "version"}}
                for row in world.driver.rows(table)
            ),
            key=str,
        )
        for table in TABLES
    }


def facts(world):
    """The messages that the rule on the bus has put into the queue so far."""
    return [
        json.loads(bus_message(entry)["MessageBody"])
        for entry in world.bus_client.entries
        if entry["Source"] == INTERNAL_SOURCE and entry["DetailType"] in {*OF_MACHINES, RESOURCE_CHANGED}
    ]


def record(world, bodies):
    """Hand a batch of messages to the deployed worker."""
    records = [sqs_record(body, f"m-{number}") for number, body in enumerate(bodies)]
    return world.call(WORKERS[ANALYTICS], {"Records": records})


def test_life_of_a_node_is_its_topics_and_signals(scene):
    machine = enrolled(scene)
    scene.world.settle()
    run(scene, machine, 0)
    run(scene, machine, 3)
    scene.world.fleet.nodes.placing.delete(machine.id, reach=EVERYWHERE)
    scene.world.settle()

    assert topics(scene, machine) == {
        "command.failed": 1,
        "command.succeeded": 1,
        "node.deleted": 1,
        "node.enrolled": 1,
    }
    texts = [one["text"] for one in ask(scene, machine, "signals")]
    assert texts[0] == "left the fleet"
    assert texts[1].endswith("failed with exit code 3")
    assert texts[2] == "enrolled in cluster north"


def test_commands_are_counted_with_their_time_and_output(scene):
    machine = enrolled(scene)
    run(scene, machine, 0, output="x" * 5000, seconds=7)
    run(scene, machine, 1, output="ü", seconds=3)

    (usage,) = ask(scene, machine, "usage")
    assert {name: usage[name] for name in ("commands", "failed", "runSeconds", "outputBytes")} == {
        "commands": 2,
        "failed": 1,
        "runSeconds": 10.0,
        "outputBytes": 5002,
    }


def test_silence_is_a_gap_that_is_open_and_then_closed(scene):
    machine = enrolled(scene)
    scene.world.settle()
    silent(scene, 3600)
    (gap,) = ask(scene, machine, "gaps")
    assert gap == {"from": "2026-11-21T10:00:00Z", "to": None, "seconds": 3600.0}

    heard(scene, machine)
    (gap,) = ask(scene, machine, "gaps")
    assert gap == {"from": "2026-11-21T10:00:00Z", "to": "2026-11-21T11:00:00Z", "seconds": 3600.0}
    scene.world.clock.advance(3600)
    assert ask(scene, machine, "usage")[0]["uptimeShare"] == 0.5


def test_gap_over_midnight_is_one_gap_and_counts_in_each_hour_and_day(scene):
    machine = enrolled(scene)
    scene.world.settle()
    silent(scene, 20 * 3600 + 1800)
    heard(scene, machine)
    scene.world.clock.advance(2 * 3600)

    assert [gap["seconds"] for gap in ask(scene, machine, "gaps")] == [20 * 3600 + 1800]
    days = ask(scene, machine, "usage", interval="day")
    assert [day["silentSeconds"] for day in days] == [14 * 3600, 6 * 3600 + 1800]
    hours = ask(scene, machine, "usage", interval="hour", **{"from": "2026-11-22T05:00:00Z"})
    assert [hour["uptimeShare"] for hour in hours] == [0.0, 0.5, 1.0, 1.0]


def test_node_of_which_no_transition_is_kept_is_known_by_its_present_status(scene):
    machine = enrolled(scene)
    scene.world.settle()
    scene.world.clock.advance(500 * 24 * 3600)
    scene.world.driver.collect_expired()
    assert scene.world.driver.rows(EVENTS) == []

    now = scene.world.clock.now()
    since = {"from": (now - timedelta(days=2)).isoformat(), "to": now.isoformat()}
    assert ask(scene, machine, "usage", **since)[0]["uptimeShare"] == 1.0


def test_change_of_version_is_a_signal(scene):
    machine = enrolled(scene)
    again = a_registration(machine.id, "north", agent_version="2.0.0")
    scene.world.fleet.nodes.registering.register(again, None, machine.token)
    scene.world.settle()

    assert "version of the agent changed from 1.0.0 to 2.0.0" in [one["text"] for one in ask(scene, machine, "signals")]


def test_refused_login_is_a_signal_without_anything_that_was_typed(scene):
    machine = enrolled(scene)
    scene.world.fleet.ssh.usernames.create(machine.id, NewUsername("ops", Secret("right"), ()), reach=EVERYWHERE)
    for word in ("right", "hunter2"):
        wanted = Credential(username="ops", method=AuthMethod.PASSWORD, secret=Secret(word))
        scene.world.fleet.ssh.verifier.verify(machine.node, wanted)
    scene.world.settle()

    assert topics(scene, machine)["login.refused"] == 1
    assert "a login over SSH with a password was refused" in [one["text"] for one in ask(scene, machine, "signals")]
    assert "ops" not in str(rows(scene.world))


def test_pushed_metrics_are_averages(scene):
    machine = enrolled(scene)
    push = scene.world.fleet.metrics.nodes.push
    push(machine.id, MetricsType.HOST, HOST)
    push(machine.id, MetricsType.HOST, HOST.replace("0.5", "1.0"))
    push(machine.id, MetricsType.AGENT, "up 1\n")
    scene.world.settle()

    assert ask(scene, machine, "usage")[0]["host"] == {
        "samples": 2,
        "load": 0.75,
        "memoryPercent": 75.0,
        "diskPercent": None,
    }


def test_facts_that_come_twice_are_recorded_once(scene):
    twice = MachinesScene()
    a_cluster(twice.world)
    for one, again in ((scene, False), (twice, True)):
        machine = enrolled(one)
        one.world.settle(twice=again)
        run(one, machine, 0)
        one.world.clock.advance(3600)
        one.world.sweep("check_health")
        one.world.settle(twice=again)

    once, again = rows(scene.world), rows(twice.world)
    for table in (OWNERS, INSTANCES, PERIODS):
        assert again[table.name] == once[table.name]
    # Ids of executions depend on what was drawn before, and those of events follow from them.
    assert len(again[EVENTS.name]) == len(once[EVENTS.name])


@pytest.mark.parametrize("crash_after", range(1, 8))
def test_crash_between_any_two_writes_is_made_good_by_the_repeat(scene, crash_after):
    crashed = MachinesScene()
    a_cluster(crashed.world)
    for one in (scene, crashed):
        enrolled(one)
        one.world.relay_only()
        one.world.settle(crash_after=crash_after if one is crashed else None)

    assert rows(crashed.world) == rows(scene.world)


def test_replay_of_all_facts_in_any_order_adds_nothing(scene):
    machine = enrolled(scene)
    scene.world.settle()
    run(scene, machine, 3)
    silent(scene, 3600)
    heard(scene, machine)
    before, told = rows(scene.world), facts(scene.world)
    scene.world.clock.advance(24 * 3600)

    random.Random(1).shuffle(told)
    assert record(scene.world, told * 2) == {"batchItemFailures": []}
    assert rows(scene.world) == before


def test_event_older_than_events_are_kept_is_left_out(scene):
    enrolled(scene)
    scene.world.settle()
    told = facts(scene.world)
    scene.world.clock.advance(93 * 24 * 3600)
    scene.world.driver.collect_expired()
    before = rows(scene.world)

    assert record(scene.world, told) == {"batchItemFailures": []}
    assert rows(scene.world) == before


def test_bad_message_of_a_batch_fails_alone(scene):
    machine = enrolled(scene)
    scene.world.settle()
    told = facts(scene.world)
    answer = record(scene.world, [told[0], {"detail": {}}, told[0]])

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert topics(scene, machine) == {"node.enrolled": 1}


def test_events_of_one_instance_in_a_batch_are_one_transaction(scene):
    machine = enrolled(scene)
    scene.world.settle()
    (fact,) = facts(scene.world)
    detail = {**fact["detail"], "type": LOGIN_REFUSED, "data": {"node_id": machine.id, "auth_method": "password"}}
    told = [{**fact, "detail": {**detail, "id": f"fact-{number}"}} for number in range(10)]
    record(scene.world, told)

    calls = scene.world.driver.meter.calls
    assert [call.operation for call in calls] == ["GetItem", "TransactWriteItems"]
    # An event is a row of its own, the hour and the day are shared; a unit of a transaction counts twice.
    assert calls[1].write_units == 2 * (10 + 2)
    assert topics(scene, machine)["login.refused"] == 10


def test_deleted_node_keeps_its_history_for_its_time_and_is_then_unknown(scene):
    machine = enrolled(scene)
    scene.world.settle()
    scene.world.fleet.nodes.placing.delete(machine.id, reach=EVERYWHERE)
    scene.world.settle()
    (shown,) = scene.request("list_instances_with_history").json["elements"]
    assert (shown["status"], shown["deletedAt"]) == (None, "2026-11-21T10:00:00Z")

    scene.world.clock.advance(399 * 24 * 3600)
    scene.world.driver.collect_expired()
    summary = {"variables": {"instance_id": machine.id}}
    assert scene.request("get_instance_summary", **summary).status == 200
    scene.world.clock.advance(24 * 3600)
    assert scene.request("get_instance_summary", **summary).status == 404
    scene.world.clock.advance(3 * 24 * 3600)
    scene.world.driver.collect_expired()
    assert rows(scene.world) == {table.name: [] for table in TABLES}


def test_node_that_enrols_again_is_no_longer_deleted(scene):
    machine = enrolled(scene)
    scene.world.settle()
    (first,) = facts(scene.world)
    told = [first]
    for kind, second in ((NODE_DELETED, 1), (NODE_ENROLLED, 2)):
        changed = {"id": f"fact-{second}", "type": kind, "time": f"2026-11-21T10:00:0{second}.000000Z"}
        told.append({**first, "detail": {**first["detail"], **changed}})
    for order in itertools.permutations(told):
        record(scene.world, order)
        (shown,) = scene.request("list_instances_with_history").json["elements"]
        assert (shown["id"], shown["status"], shown["deletedAt"]) == (machine.id, "healthy", None)


def test_hot_node_is_recorded_within_what_a_partition_takes(scene):
    machine = enrolled(scene)
    scene.world.settle()
    (fact,) = facts(scene.world)
    detail = {**fact["detail"], "type": LOGIN_REFUSED, "data": {"node_id": machine.id, "auth_method": "password"}}
    scene.world.driver.partition_limit(1000)
    for batch in range(40):
        told = [{**fact, "detail": {**detail, "id": f"fact-{batch}-{number}"}} for number in range(10)]
        assert record(scene.world, told) == {"batchItemFailures": []}

    assert topics(scene, machine)["login.refused"] == 400
