"""Machines that come back, that were deleted, and that are kept out: what agents and operators are answered."""

import json
from urllib.parse import quote

import pytest

from chalicelib.fleet.enrollment.rules import unusable_token
from chalicelib.fleet.enrollment.store import TABLE as KEYS
from chalicelib.fleet.nodes.exclusion_store import EXCLUSIONS
from chalicelib.fleet.nodes.rules import already_registered
from chalicelib.fleet.nodes.store import CONNECTIONS, NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.transport import push
from chalicelib.kit.tables import Update
from chalicelib.kit.tables.conditions import Remove
from chalicelib.platform.events.store import TABLE as OCCURRENCES
from tests.support.builders import a_cluster
from tests.support.callers import Agent, a_key, connect, enrolled, handshake, operator
from tests.support.world import World

HOUR = 3600
NODES_PATH = "/api/v1/nodes"


def key_ids(client):
    return [row["id"] for row in client.get("/api/v1/enrollment_keys").data]


def delete(world, client, agent):
    """Some time after whatever came before."""
    world.clock.advance(1)
    assert client.delete(f"{NODES_PATH}/{agent.id}").status == 204
    world.settle(twice=True)
    world.clock.advance(1)


def code_of(answer):
    return answer.error["code"]


class TestAnAnswerThatWasNeverKept:
    def test_previous_token_registers_while_newer_tokens_are_unused(self, world, client):
        agent = Agent(client, 1)
        agent.enrol(a_key(client, "north", uses_remaining=1), "north")
        agent.poll()
        on_disk = agent.token

        statuses = []
        for _ in range(60):
            agent.token = on_disk
            statuses.append(agent.register(None, "north").status)
            world.clock.advance(HOUR)

        assert set(statuses) == {201}
        assert agent.poll().status == 200

    def test_previous_token_expires_an_hour_after_the_new_one_is_used(self, world, client):
        (agent,) = enrolled(client, 1)
        agent.poll()
        previous = agent.token
        agent.register(None, "north")
        agent.poll()

        world.clock.advance(HOUR)
        agent.token = previous
        answer = agent.register(None, "north")

        assert (answer.status, answer.error["details"]) == (422, already_registered().details)

    @pytest.mark.parametrize("trouble", ["spent", "expired", "full"])
    def test_machine_never_heard_as_a_node_may_verify_again_at_any_time(self, world, client, trouble):
        expiry = {"expired_at": "2026-11-21T11:00:00Z"} if trouble == "expired" else {}
        blob = a_key(client, "north", uses_remaining=1 if trouble == "spent" else 5, **expiry)
        agent = Agent(client, 1)
        agent.enrol(blob, "north")
        if trouble == "full":
            client.patch("/api/v1/clusters/north", json={"node_limit": 1})
        (before,) = world.driver.rows(KEYS)
        agent.token = None

        world.clock.advance(30 * 24 * HOUR)
        answers = agent.enrol(blob, "north")

        assert [answer.status for answer in answers] == [200, 201]
        assert agent.poll().status == 200
        (after,) = world.driver.rows(KEYS)
        assert after.get("uses_remaining") == before.get("uses_remaining")

    def test_spent_key_is_refused_once_the_token_of_its_node_was_used(self, world, client):
        blob = a_key(client, "north", uses_remaining=1)
        agent = Agent(client, 1)
        agent.enrol(blob, "north")
        agent.poll()
        world.clock.advance(25 * HOUR)

        assert agent.verify(blob).data["error"] == "key_spent"

    def test_key_use_without_a_node_is_remembered_for_a_day(self, world, client):
        blob = a_key(client, "north", uses_remaining=1)
        agent = Agent(client, 1)
        agent.verify(blob)
        world.clock.advance(23 * HOUR)

        assert [answer.status for answer in agent.enrol(blob, "north")] == [200, 201]


class TestDeleted:
    def test_deleted_node_is_not_readmitted_by_its_old_token_or_key(self, world, client):
        blob = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 1)
        token = agent.verify(blob).data["netmaker_key"]
        agent.register(token, "north")
        agent.poll()
        delete(world, client, agent)

        poll, renewal = agent.poll(), agent.register(None, "north")
        agent.token = None
        with_old_token, verified = agent.register(token, "north"), agent.verify(blob)

        assert [(answer.status, code_of(answer)) for answer in (poll, renewal, with_old_token)] == [
            (401, "node_removed"),
            (422, "node_removed"),
            (422, "node_removed"),
        ]
        assert "unblock" in renewal.error["details"]["node_id"][0]
        assert (verified.data["verified"], verified.data["error"], verified.data["netmaker_key"]) == (
            False,
            "node_removed",
            "",
        )
        assert world.driver.rows(NODES) == []

    def test_deleted_node_is_not_readmitted_by_a_token_without_node_id(self, world, client):
        (agent,) = enrolled(client, 1)
        blob = a_key(client, "north", uses_remaining=None)
        delete(world, client, agent)
        body = {"key": blob}
        verify = client.request("POST", "/api/v1/agents/enrollment_keys/verify", json=body, key=None, checked=False)
        agent.token = None

        answer = agent.register(verify.data["netmaker_key"], "north")

        assert (answer.status, code_of(answer)) == (422, "node_removed")

    def test_bound_token_of_a_deleted_key_creates_no_node(self, world, client):
        blob = a_key(client, "north", uses_remaining=1)
        agent = Agent(client, 1)
        token = agent.verify(blob).data["netmaker_key"]
        agent.register(token, "north")
        world.settle()
        (key_id,) = key_ids(client)
        client.delete(f"{NODES_PATH}/{agent.id}")
        client.delete(f"/api/v1/enrollment_keys/{key_id}")
        world.settle()
        agent.token = None

        assert agent.register(token, "north").status == 422
        assert agent.poll().status == 401
        assert agent.verify(blob).data["error"] == "invalid_key"

    def test_node_without_a_tombstone_is_not_readmitted_by_its_bound_token(self, world, client):
        blob = a_key(client, "north", uses_remaining=1)
        agent = Agent(client, 1)
        token = agent.verify(blob).data["netmaker_key"]
        agent.register(token, "north")
        delete(world, client, agent)
        client.post(f"{NODES_PATH}/{agent.id}/unblock")
        agent.token = None

        answer = agent.register(token, "north")

        assert (answer.status, code_of(answer)) == (422, "node_removed")

    def test_deleted_node_is_readmitted_by_a_newer_key_only(self, world, client):
        old = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 1)
        agent.enrol(old, "north")
        delete(world, client, agent)
        agent.token = None

        answers = agent.enrol(a_key(client, "north"), "north")

        assert [answer.status for answer in answers] == [200, 201]
        assert agent.poll().status == 200
        assert agent.verify(old).data["error"] == "node_removed"
        assert client.get(f"{NODES_PATH}/{agent.id}").data["blocked_at"] is None

    def test_unblocked_deleted_node_is_readmitted_by_its_old_key(self, world, client):
        blob = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 1)
        agent.enrol(blob, "north")
        delete(world, client, agent)
        agent.token = None

        answer = client.post(f"{NODES_PATH}/{agent.id}/unblock")

        assert (answer.status, answer.data) == (
            200,
            {"node_id": agent.id, "is_node": False, "blocked_at": None, "removed_at": None},
        )
        assert [one.status for one in agent.enrol(blob, "north")] == [200, 201]

    def test_old_key_of_a_deleted_node_still_admits_other_machines(self, world, client):
        blob = a_key(client, "north", uses_remaining=None)
        agent, other = Agent(client, 1), Agent(client, 2)
        agent.enrol(blob, "north")
        delete(world, client, agent)

        assert [answer.status for answer in other.enrol(blob, "north")] == [200, 201]

    def test_deleted_node_is_not_readmitted_after_its_cluster_is_recreated(self, world, client):
        blob = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 1)
        token = agent.verify(blob).data["netmaker_key"]
        agent.register(token, "north")
        delete(world, client, agent)
        assert client.delete("/api/v1/clusters/north").status == 204
        world.settle(twice=True)
        a_cluster(world)
        agent.token = None

        assert agent.verify(blob).data["error"] == "invalid_key"
        assert code_of(agent.register(token, "north")) == "node_removed"

    def test_key_deleted_during_registration_admits_no_node(self, world, client):
        blob = a_key(client, "north")
        agent = Agent(client, 1)
        token = agent.verify(blob).data["netmaker_key"]
        (key_id,) = key_ids(client)
        world.driver.before_next(
            lambda: world.fleet.enrollment.delete(key_id, reach=EVERYWHERE), operation="TransactWriteItems", table=NODES
        )

        answer = agent.register(token, "north")

        assert (answer.status, answer.error["details"]) == (
            422,
            unusable_token().details,
        )
        assert world.driver.rows(NODES) == []

    def test_verification_event_of_a_deleted_node_has_a_result_of_the_catalogue(self, world, client):
        blob = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 1)
        agent.enrol(blob, "north")
        delete(world, client, agent)
        agent.verify(blob)

        results = [json.loads(row["data"])["result"] for row in world.driver.rows(OCCURRENCES)]

        assert sorted(results) == ["invalid_key", "verified"]


class TestBlocked:
    def test_blocked_node_is_403_everywhere_and_shown_as_blocked(self, world, client):
        blob = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 1)
        agent.enrol(blob, "north")
        connect(world, agent, "socket-1")

        answer = client.post(f"{NODES_PATH}/{agent.id}/block")
        world.settle(twice=True)

        assert answer.data == {
            "node_id": agent.id,
            "is_node": True,
            "blocked_at": "2026-11-21T10:00:00Z",
            "removed_at": None,
        }
        shown = client.get(f"{NODES_PATH}/{agent.id}").data
        assert (shown["status"], shown["blocked_at"]) == ("unreachable", "2026-11-21T10:00:00Z")
        assert "socket-1" in world.socket_client.closed
        assert world.driver.rows(CONNECTIONS) == []
        for refused in (agent.poll(), agent.heartbeat(), agent.register(None, "north")):
            assert (refused.status, code_of(refused)) == (403, "node_blocked")
        assert agent.verify(blob).data["error"] == "node_blocked"

    def test_blocked_node_cannot_open_a_socket(self, world, client):
        (agent,) = enrolled(client, 1)
        client.post(f"{NODES_PATH}/{agent.id}/block")

        assert handshake(world, agent, "socket-1") == 403
        assert world.driver.rows(CONNECTIONS) == []

    def test_blocking_a_node_publishes_its_unreachable_status(self, world, client):
        (agent,) = enrolled(client, 1)
        world.settle()
        world.bus_client.entries.clear()

        client.post(f"{NODES_PATH}/{agent.id}/block")
        world.settle()

        told = world.bus_client.envelopes
        assert [(one["type"], one["data"]["status"], one["data"]["previous_status"]) for one in told] == [
            ("edge.node.status_changed", "unreachable", "healthy")
        ]

    def test_command_of_a_blocked_node_waits_and_runs_after_the_block(self, world, client):
        (agent,) = enrolled(client, 1)
        client.post(f"{NODES_PATH}/{agent.id}/block")
        client.post("/api/v1/commands", json={"command_text": "true", "targeting": {"type": "all"}})
        world.settle()

        client.post(f"{NODES_PATH}/{agent.id}/unblock")

        assert len(agent.waiting()) == 1
        shown = client.get(f"{NODES_PATH}/{agent.id}").data
        assert (shown["status"], shown["blocked_at"]) == ("healthy", None)

    def test_unregistered_machine_may_be_blocked_in_advance(self, world, client):
        blob = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 1)
        token = agent.verify(blob).data["netmaker_key"]

        answer = client.post(f"{NODES_PATH}/{agent.id}/block")

        assert (answer.status, answer.data["is_node"]) == (200, False)
        assert agent.verify(blob).data["error"] == "node_blocked"
        assert code_of(agent.register(token, "north")) == "node_blocked"
        client.post(f"{NODES_PATH}/{agent.id}/unblock")
        assert agent.register(token, "north").status == 201

    def test_block_outlives_node_deletion_and_newer_keys(self, world, client):
        (agent,) = enrolled(client, 1)
        client.post(f"{NODES_PATH}/{agent.id}/block")
        delete(world, client, agent)
        agent.token = None

        assert agent.verify(a_key(client, "north")).data["error"] == "node_blocked"
        answer = client.post(f"{NODES_PATH}/{agent.id}/block")
        assert answer.data["removed_at"] == "2026-11-21T10:00:01Z"

    def test_blocked_node_hears_of_its_deletion_and_stays_blocked(self, world, client):
        (agent,) = enrolled(client, 1)
        client.post(f"{NODES_PATH}/{agent.id}/block")
        delete(world, client, agent)

        poll, renewal = agent.poll(), agent.register(None, "north")

        assert (poll.status, code_of(poll)) == (401, "node_removed")
        assert (renewal.status, code_of(renewal)) == (422, "node_removed")
        assert agent.verify(a_key(client, "north")).data["error"] == "node_blocked"

    def test_repeated_block_or_unblock_changes_nothing(self, world, client):
        (agent,) = enrolled(client, 1)
        first = client.post(f"{NODES_PATH}/{agent.id}/block").data
        world.clock.advance(60)
        before = world.driver.snapshot()

        assert client.post(f"{NODES_PATH}/{agent.id}/block").data == first
        assert world.driver.snapshot() == before
        for _ in range(2):
            assert client.post(f"{NODES_PATH}/{agent.id}/unblock").data["blocked_at"] is None
        assert world.driver.rows(EXCLUSIONS) == []

    @pytest.mark.parametrize("verb", ["block", "unblock"])
    def test_malformed_node_id_is_400_for_block_and_unblock(self, client, verb):
        assert client.post(f"{NODES_PATH}/{quote('no id')}/{verb}").status == 400

    def test_machine_blocked_during_enrolment_is_not_registered(self, world, client):
        agent = Agent(client, 1)
        token = agent.verify(a_key(client, "north")).data["netmaker_key"]
        world.driver.before_next(
            lambda: world.fleet.nodes.excluding.block(agent.id, reach=EVERYWHERE),
            operation="TransactWriteItems",
            table=NODES,
        )

        assert code_of(agent.register(token, "north")) == "node_blocked"
        assert world.driver.rows(NODES) == []

    def test_node_blocked_while_connecting_gets_no_socket(self, world, client):
        (agent,) = enrolled(client, 1)
        world.driver.before_next(
            lambda: world.fleet.nodes.excluding.block(agent.id, reach=EVERYWHERE),
            operation="TransactWriteItems",
            table=NODES,
        )
        assert handshake(world, agent, "socket-1") == 403
        assert world.driver.rows(CONNECTIONS) == []

    def test_call_under_way_does_not_make_a_blocked_node_healthy(self, world, client):
        (agent,) = enrolled(client, 1)
        world.clock.advance(301)
        world.sweep("check_health")
        called = world.fleet.nodes.identity.authenticate(agent.token)
        client.post(f"{NODES_PATH}/{agent.id}/block")

        world.fleet.nodes.health.touch(called)

        assert client.get(f"{NODES_PATH}/{agent.id}").data["status"] == "unreachable"

    def test_push_is_not_sent_to_a_blocked_node(self, monkeypatch):
        pushed = []

        class Recorded:
            def execute(self, _address, payload):
                pushed.append(payload)

        monkeypatch.setattr(push, "push_over_http", Recorded)
        world = World(push_enabled=True, push_host="agents.test")
        a_cluster(world)
        client = operator(world)
        (agent,) = enrolled(client, 1)
        client.post(f"{NODES_PATH}/{agent.id}/block")

        client.post("/api/v1/commands", json={"command_text": "true", "targeting": {"type": "all"}})
        world.settle()
        assert pushed == []

        client.post(f"{NODES_PATH}/{agent.id}/unblock")
        client.post("/api/v1/commands", json={"command_text": "true", "targeting": {"type": "all"}})
        world.settle()
        assert len(pushed) == 1


def test_rows_without_exclusion_fields_are_read(world, client):
    (agent,) = enrolled(client, 1)
    world.driver.write(Update(NODES, {"id": agent.id}, (Remove("blocked_at"), Remove("replaced_connection_id"))))

    assert agent.poll().status == 200
    assert client.get(f"{NODES_PATH}/{agent.id}").data["blocked_at"] is None
