"""Two machines with a copy of one identity: found out within a beat, told, and given no work until somebody decides."""

import pytest

from chalicelib.fleet.nodes.store import CONNECTIONS, NODES, PRESENCE
from tests.support.callers import Agent, a_key, connect, enrolled, handshake

BEAT = 540
FIRST, SECOND = "aaaaaaaa-1111111111111111", "bbbbbbbb-2222222222222222"
UPDATES = "/api/v1/agents/self_updates/check"


@pytest.fixture
def agent(client):
    """One that says which process it is."""
    agent = Agent(client, 1)
    agent.instance_id = FIRST
    agent.enrol(a_key(client, "north", uses_remaining=None), "north")
    agent.poll()
    return agent


@pytest.fixture
def twin(agent):
    twin = agent.twin()
    twin.instance_id = SECOND
    return twin


def node(client, agent):
    return client.get(f"/api/v1/nodes/{agent.id}").data


def a_command(client):
    client.post("/api/v1/commands", json={"command_text": "true", "targeting": {"type": "all"}})


def beat(world, connection_id):
    context = {"connectionId": connection_id, "requestId": "r-1", "identity": {"sourceIp": "203.0.113.9"}}
    world.call("chalicelib.fleet.workers.connections.message", {"requestContext": context, "body": "{}"})


def in_conflict(world, client, agent, twin):
    twin.poll()
    world.clock.advance(61)
    agent.poll()
    world.settle(twice=True)
    assert node(client, agent)["identity_conflict_at"] is not None


class TestRequestsSentTwice:
    """The agent's client sends a request again when its connection broke; the first copy may be slow on its way."""

    def test_late_copy_of_a_registration_leaves_the_process_its_identity(self, world, client, agent):
        before = agent.token
        assert agent.register(None, "north").status == 201
        assert agent.poll().status == 200
        in_use, agent.token = agent.token, before

        assert agent.register(None, "north").status == 409

        agent.token = in_use
        assert agent.poll().status == 200
        assert node(client, agent)["identity_conflict_at"] is None

    def test_repeated_registration_of_a_process_gets_the_same_token(self, world, client, agent):
        before = agent.token
        agent.register(None, "north")
        first, agent.token = agent.token, before
        rows = world.state()["rows"][NODES.name]

        assert agent.register(None, "north").status == 201

        assert agent.token == first
        assert world.state()["rows"][NODES.name] == rows
        assert agent.poll().status == 200

    def test_late_registration_of_an_ended_process_leaves_the_next_one_its_identity(self, world, client, agent):
        known, agent.instance_id = agent.token, SECOND
        assert agent.register(None, "north").status == 201
        assert agent.poll().status == 200
        in_use, agent.token, agent.instance_id = agent.token, known, "cccccccc-3333333333333333"
        world.clock.advance(28)

        late = agent.register(None, "north")

        assert (late.status, late.headers["retry-after"]) == (429, "32")
        agent.token, agent.instance_id = in_use, SECOND
        assert agent.poll().status == 200
        assert node(client, agent)["identity_conflict_at"] is None

    def test_machine_that_registers_again_after_the_doubt_is_found_out(self, world, client, agent):
        known, agent.instance_id = agent.token, SECOND
        agent.register(None, "north")
        agent.poll()
        in_use, agent.token, agent.instance_id = agent.token, known, "cccccccc-3333333333333333"
        world.clock.advance(60)

        assert agent.register(None, "north").status == 201

        agent.token, agent.instance_id = in_use, SECOND
        assert agent.poll().status == 401
        assert node(client, agent)["identity_conflict_at"] is not None

    def test_registration_of_the_next_process_rotates_an_unused_token(self, world, client, agent):
        before = agent.token
        agent.register(None, "north")
        first, agent.token, agent.instance_id = agent.token, before, SECOND

        assert agent.register(None, "north").status == 201

        assert agent.token != first
        assert agent.poll().status == 200


class TestWithInstanceIds:
    def test_two_polling_machines_conflict_and_get_no_work(self, world, client, agent, twin):
        world.settle()
        world.bus_client.entries.clear()
        assert twin.poll().status == 200
        world.clock.advance(61)

        answers = [agent.poll(), twin.poll(), agent.poll()]

        assert [(answer.status, answer.error["code"]) for answer in answers] == [(409, "identity_conflict")] * 3
        shown = node(client, agent)
        assert (shown["status"], shown["identity_conflict_at"], shown["identity_conflict_instances"]) == (
            "unhealthy",
            "2026-11-21T10:01:01Z",
            [SECOND, FIRST],
        )
        world.settle(twice=True)
        (told,) = {one["id"]: one for one in world.bus_client.envelopes}.values()
        assert told["type"] == "edge.node.status_changed"
        assert (told["data"]["status"], told["data"]["identity_conflict_at"]) == ("unhealthy", "2026-11-21T10:01:01Z")

    def test_two_connected_machines_conflict_within_a_heartbeat(self, world, client, agent, twin):
        """Whoever connects last has the node's socket; the other's is ended by its beat, and its connect tells."""
        connect(world, agent, "one")
        world.clock.advance(61)
        connect(world, twin, "two")
        world.clock.advance(BEAT)

        beat(world, "one")
        assert world.socket_client.closed == ["one"]
        assert handshake(world, agent, "three") == 409
        world.settle(twice=True)

        assert node(client, agent)["identity_conflict_at"] == "2026-11-21T10:10:01Z"
        assert "two" in world.socket_client.closed
        assert world.driver.rows(CONNECTIONS) == []
        assert handshake(world, twin, "four") == 409

    def test_restarted_process_is_no_identity_conflict(self, world, client, agent):
        for number in range(20):
            agent.instance_id = f"aaaaaaaa-{number:016d}"
            assert agent.poll().status == 200
            connect(world, agent, f"socket-{number}")
            world.clock.advance(61)

        assert node(client, agent)["identity_conflict_at"] is None

    def test_reconnect_before_the_old_socket_ends_is_no_identity_conflict(self, world, client, agent):
        connect(world, agent, "one")
        world.clock.advance(300)
        connect(world, agent, "two")
        world.clock.advance(BEAT)
        beat(world, "one")
        world.call(
            "chalicelib.fleet.workers.connections.disconnect",
            {"requestContext": {"connectionId": "one", "requestId": "r", "identity": {}}},
        )
        beat(world, "two")

        assert node(client, agent)["identity_conflict_at"] is None
        assert agent.poll().status == 200

    def test_late_call_of_the_previous_process_is_no_identity_conflict(self, world, client, agent, twin):
        twin.poll()
        world.clock.advance(30)

        assert agent.poll().status == 200
        assert node(client, agent)["identity_conflict_at"] is None

    def test_conflicting_node_may_report_and_gets_no_new_work(self, world, client, agent, twin):
        a_command(client)
        world.settle()
        (running,) = agent.waiting()
        agent.acknowledge(running)
        a_command(client)
        world.settle()
        (waiting,) = agent.waiting()
        in_conflict(world, client, agent, twin)

        refused = [
            agent.acknowledge(waiting),
            client.request("GET", UPDATES, key=agent.token, checked=False),
            agent.poll("sent"),
        ]
        assert [(answer.status, answer.error["code"]) for answer in refused] == [(409, "identity_conflict")] * 3
        assert agent.report(running, exit_code=0).status == 200
        assert (agent.heartbeat().status, agent.heartbeat().data["status"]) == (200, "unhealthy")

    def test_unblocked_node_works_on_with_the_remaining_machine(self, world, client, agent, twin):
        in_conflict(world, client, agent, twin)
        a_command(client)
        world.settle()

        answer = client.post(f"/api/v1/nodes/{agent.id}/unblock")

        assert answer.status == 200
        shown = node(client, agent)
        assert (shown["status"], shown["identity_conflict_at"], shown["identity_conflict_instances"]) == (
            "healthy",
            None,
            [],
        )
        assert len(agent.waiting()) == 1
        connect(world, agent, "again")

    def test_unblocked_conflict_with_both_machines_running_is_detected_again(self, world, client, agent, twin):
        in_conflict(world, client, agent, twin)
        client.post(f"/api/v1/nodes/{agent.id}/unblock")

        agent.poll()
        in_conflict(world, client, agent, twin)

    def test_two_machines_registering_in_turn_conflict(self, world, client, agent, twin):
        assert twin.register(None, "north").status == 201
        twin.poll()
        world.clock.advance(61)

        agent.register(None, "north")

        assert node(client, agent)["identity_conflict_at"] == "2026-11-21T10:01:01Z"

    def test_registration_does_not_clear_an_identity_conflict(self, world, client, agent, twin):
        in_conflict(world, client, agent, twin)

        assert agent.register(None, "north").status == 201

        shown = node(client, agent)
        assert (shown["status"], shown["identity_conflict_at"] is None) == ("unhealthy", False)
        assert agent.poll().status == 409

    def test_unreachable_node_in_conflict_becomes_unhealthy_when_heard_again(self, world, client, agent, twin):
        in_conflict(world, client, agent, twin)
        world.clock.advance(301)
        world.sweep("check_health")
        assert node(client, agent)["status"] == "unreachable"

        agent.heartbeat()
        assert node(client, agent)["status"] == "unhealthy"
        world.clock.advance(301)
        world.sweep("check_health")
        client.post(f"/api/v1/nodes/{agent.id}/unblock")
        assert node(client, agent)["status"] == "unreachable"

    def test_poll_of_a_known_process_writes_nothing(self, world, client, agent):
        before = world.driver.snapshot()
        agent.poll()
        assert world.driver.snapshot() == before


class TestOfEarlierVersions:
    """They say nothing of their process, and register at every start."""

    def test_copied_agent_conflicts_at_the_next_call_of_the_original(self, world, client):
        (agent,) = enrolled(client, 1)
        agent.poll()
        twin = agent.twin()

        assert (twin.register(None, "north").status, twin.poll().status) == (201, 200)
        assert agent.poll().status == 401
        assert (agent.register(None, "north").status, agent.poll().status) == (201, 200)
        found_out = twin.poll()

        assert (found_out.status, found_out.error["code"]) == (401, "identity_conflict")
        assert node(client, agent)["identity_conflict_at"] == "2026-11-21T10:00:00Z"
        assert agent.poll().status == 409

    def test_copied_agent_conflicts_at_a_registration_of_the_original(self, world, client):
        (agent,) = enrolled(client, 1)
        agent.poll()
        twin = agent.twin()
        twin.register(None, "north")
        twin.poll()
        agent.register(None, "north")

        answer = twin.register(None, "north")

        assert (answer.status, answer.error["code"]) == (409, "identity_conflict")
        assert node(client, agent)["identity_conflict_at"] is not None

    def test_machine_restored_from_an_older_copy_is_no_identity_conflict(self, world, client):
        (agent,) = enrolled(client, 1)
        agent.poll()
        copy = agent.token
        agent.register(None, "north")
        agent.poll()
        agent.token = copy

        for _ in range(3):
            assert (agent.register(None, "north").status, agent.poll().status) == (201, 200)

        assert node(client, agent)["identity_conflict_at"] is None

    def test_machine_that_cannot_store_its_token_is_no_identity_conflict(self, world, client):
        (agent,) = enrolled(client, 1)
        agent.poll()
        on_disk = agent.token
        for _ in range(5):
            agent.token = on_disk
            assert agent.register(None, "north").status == 201

        agent.poll()
        assert node(client, agent)["identity_conflict_at"] is None

    def test_rows_without_instance_fields_are_read(self, world, client):
        (agent,) = enrolled(client, 1)
        for table in (NODES, PRESENCE):
            (row,) = world.driver.rows(table)
            assert not {"instance_id", "former_instances", "identity_conflict_at", "forked_token_digest"} & row.keys()

        assert agent.poll().status == 200
