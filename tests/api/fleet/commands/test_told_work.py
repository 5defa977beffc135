"""Work that wake-ups tell, and the claim of several executions at once."""

import json

import pytest

from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS
from chalicelib.fleet.nodes.store import NODES, PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.transport.queues import COMMAND_DELIVERY
from tests.support.builders import a_cluster
from tests.support.callers import Agent, a_key, connect, enrolled, operator
from tests.support.world import World

ABSENT = "01900000-0000-7000-8000-0000000000ff"


def agent_with(world, client, *features, number=0):
    """An enrolled agent of these features, at a socket."""
    agent = Agent(client, number)
    verified = agent.verify(a_key(client, "north"))
    agent.register(verified.data["netmaker_key"], "north", features=list(features))
    connect(world, agent, f"socket-{number}")
    return agent


def run(client, text="true", **fields):
    body = {"command_text": text, "targeting": {"type": "all"}, **fields}
    answer = client.post("/api/v1/commands", json=body)
    assert answer.status == 201
    return answer.data["id"]


def after_a_moment(world):
    world.settle()
    world.queue_client.release_delayed()
    world.settle()


def frames(world, number=0):
    return world.socket_client.frames[f"socket-{number}"]


class TestFrames:
    def test_agent_that_takes_work_is_told_it(self, world, client):
        agent = agent_with(world, client, "work")
        command_id = run(client, "uptime", timeout=3000)
        (execution_id,) = agent.waiting()
        (frame,) = frames(world)
        assert frame["ids"] == [execution_id]
        (work,) = frame["work"]
        listed = agent.poll().data[0]
        assert work == {name: listed[name] for name in work}
        assert (work["command_id"], work["command_text"], work["timeout"]) == (command_id, "uptime", 3000)

    def test_old_and_new_agents_work_in_one_fleet(self, world, client):
        old, new = agent_with(world, client, "environment"), agent_with(world, client, "work", number=1)
        run(client)
        world.settle()
        assert {"work" in frame for frame in frames(world)} == {False}
        assert {"work" in frame for frame in frames(world, 1)} == {True}
        assert old.acknowledge(old.waiting()[0]).status == 200
        assert new.claim(*new.waiting()).data["refused"] == []

    def test_agent_that_was_replaced_by_an_older_one_is_woken_as_before(self, world, client):
        agent = agent_with(world, client, "work")
        agent.register(None, "north", features=[])
        connect(world, agent, "socket-0")
        run(client)
        assert all("work" not in frame for frame in frames(world))

    def test_presence_of_an_earlier_version_gets_ids_alone(self, world, client):
        agent = agent_with(world, client, "work")
        row = dict(world.driver.row(PRESENCE, {"id": agent.id}))
        del row["takes_work"]
        world.driver.load(PRESENCE, [row])
        run(client)
        assert [frame.keys() for frame in frames(world)] == [{"type", "ids"}]

    def test_stream_tells_the_work_again_that_the_hint_lost(self, world, client):
        agent = agent_with(world, client, "work")
        world.socket_client.fails_with = "InternalServerError"
        run(client)
        world.socket_client.fails_with = None
        assert frames(world) == []
        after_a_moment(world)
        assert [work["id"] for frame in frames(world) for work in frame["work"]] == agent.waiting()

    def test_stream_tells_no_agent_again_that_has_taken_its_work(self, world, client):
        quick, slow = agent_with(world, client, "work"), agent_with(world, client, "work", number=1)
        run(client)
        quick.claim(*quick.waiting())
        after_a_moment(world)
        assert len(frames(world)) == 1
        assert [frame["ids"] for frame in frames(world, 1)] == [slow.waiting()] * 2

    def test_telling_again_costs_no_read_of_presence_once_all_have_begun(self, world, client):
        agent = agent_with(world, client, "work")
        run(client)
        agent.claim(*agent.waiting())
        world.settle()
        world.queue_client.release_delayed()
        world.work_only()
        calls = [(call.operation, call.table) for call in world.platform.tables.meter.calls]
        assert calls == [("BatchGetItem", "executions")]

    def test_stream_tells_at_once_where_functions_push(self):
        world = World(push_enabled=True)
        a_cluster(world)
        client = operator(world)
        agent_with(world, client, "work")
        run(client)
        world.settle()
        assert len(frames(world)) == 2

    def test_long_way_tells_the_work_as_well(self, world, client):
        agent = agent_with(world, client, "work")
        run(client, rollout={"max_concurrency": 1})
        world.settle()
        assert {work["id"] for frame in frames(world) for work in frame["work"]} == set(agent.waiting())

    def test_message_of_an_earlier_version_wakes_with_ids(self, world, client):
        agent = agent_with(world, client, "work")
        delivery = {"node_id": agent.id, "kind": "executions", "execution_ids": ["e-1"]}
        world.platform.queues.send(COMMAND_DELIVERY, [{"deliveries": [delivery]}])
        world.settle()
        assert frames(world) == [{"type": "executions", "ids": ["e-1"]}]

    @pytest.mark.parametrize("gone", ["deleted", "expired"])
    def test_work_that_must_not_begin_is_not_told(self, world, client, gone):
        agent = agent_with(world, client, "work")
        command_id = run(client)
        (execution_id,) = agent.waiting()
        row = dict(world.driver.row(COMMANDS, {"id": command_id}))
        past = "2026-11-21T09:00:00Z"
        world.driver.load(COMMANDS, [{**row, "deleted_at" if gone == "deleted" else "expired_at": past}])
        frames(world).clear()
        delivery = {"node_id": agent.id, "kind": "executions", "execution_ids": [execution_id]}
        message = {"deliveries": [delivery], "commands": {execution_id: command_id}}
        world.platform.queues.send(COMMAND_DELIVERY, [message])
        after_a_moment(world)
        assert frames(world) == [{"type": "executions", "ids": [execution_id]}] * 2

    def test_no_value_of_a_secret_is_in_a_frame(self, world, client):
        agent_with(world, client, "work")
        client.request("PUT", "/api/v1/secrets/password", json={"value": "hunter2-hunter2"})
        password = {"name": "PASSWORD", "type": "string", "sensitive": True, "secret": "password"}
        script = {"script_text": "true", "parameters": [password]}
        client.request("PUT", "/api/v1/scripts/report", json=script)
        assert client.post("/api/v1/scripts/report/run", json={"targeting": {"type": "all"}}).status == 201
        world.settle()
        told = [work for frame in frames(world) for work in frame["work"]]
        assert {tuple(work["secret_variables"]) for work in told} == {("PASSWORD",)}
        assert "hunter2" not in json.dumps(frames(world))

    def test_switch_brings_back_frames_of_ids(self):
        world = World(short_way=False)
        a_cluster(world)
        client = operator(world)
        agent_with(world, client, "work")
        run(client)
        world.settle()
        assert all("work" not in frame for frame in frames(world))


class TestClaim:
    @pytest.fixture
    def agents(self, client):
        return enrolled(client, 2)

    def test_claim_gives_each_pending_execution_once(self, world, client, agents):
        mine, _ = agents
        for _ in range(3):
            run(client)
        ids = mine.waiting()
        assert mine.claim(*ids, ids[0]).data == {"acknowledged": ids, "refused": []}
        again = mine.claim(*ids).data
        assert again == {"acknowledged": [], "refused": [{"id": each, "status": "sent"} for each in ids]}

    def test_claim_refuses_by_itself_what_has_ended_or_is_anothers(self, world, client, agents):
        mine, other = agents
        for _ in range(2):
            run(client)
        cancelled, left = mine.waiting()
        anothers = other.waiting()[0]
        world.fleet.commands.executions.cancel(cancelled, reach=EVERYWHERE)
        answer = mine.claim(cancelled, anothers, ABSENT, left)
        assert answer.data["acknowledged"] == [left]
        refused = {row["id"]: row["status"] for row in answer.data["refused"]}
        assert refused == {cancelled: "cancelled", anothers: None, ABSENT: None}
        assert world.driver.row(EXECUTIONS, {"id": anothers})["status"] == "pending"

    def test_claim_of_a_command_that_is_being_removed_counts_as_gone(self, world, client, agents):
        mine, _ = agents
        command_id = run(client)
        (execution_id,) = mine.waiting()
        row = dict(world.driver.row(COMMANDS, {"id": command_id}))
        world.driver.load(COMMANDS, [{**row, "deleted_at": row["inserted_at"]}])
        assert mine.claim(execution_id).data["refused"] == [{"id": execution_id, "status": None}]

    def test_claim_costs_a_write_each_and_one_read_of_commands(self, world, client, agents):
        mine, _ = agents
        for _ in range(3):
            run(client)
        mine.claim(*mine.waiting())
        calls = [(call.operation, call.table) for call in world.platform.tables.meter.calls]
        assert calls[-4:] == [("UpdateItem", "executions")] * 3 + [("BatchGetItem", "commands")]
        assert len(calls) == 5

    @pytest.mark.parametrize("ids", [[], ["x"], [ABSENT] * 101])
    def test_claim_of_no_or_too_many_executions_is_refused(self, client, agents, ids):
        assert agents[0].claim(*ids).status == 400

    def test_machines_with_one_identity_get_nothing(self, world, client, agents):
        mine, _ = agents
        run(client)
        (execution_id,) = mine.waiting()
        row = dict(world.driver.row(NODES, {"id": mine.id}))
        world.driver.load(NODES, [{**row, "identity_conflict_at": row["updated_at"]}])
        refused = mine.claim(execution_id)
        assert (refused.status, refused.error["code"]) == (409, "identity_conflict")
        assert world.driver.row(EXECUTIONS, {"id": execution_id})["status"] == "pending"
