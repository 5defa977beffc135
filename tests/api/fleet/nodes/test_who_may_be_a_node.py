"""Machines that come back, that were deleted, and that are kept out: what agents and operators are answered."""

import json
from urllib.parse import quote

import pytest

from chalicelib.fleet.enrollment.rules import unusable_token
from chalicelib.fleet.enrollment.store import TABLE as KEYS
from chalicelib.fleet.nodes.exclusion_store import EXCLUSIONS
from chalicelib.fleet.nodes.rules import already_registered
from chalicelib.fleet.nodes.store import CONNECTIONS, NODES
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
    def test_the_previous_token_registers_for_as_long_as_the_new_ones_are_not_used(self, world, client):
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

    def test_the_previous_token_ends_an_hour_after_the_new_one_is_used(self, world, client):
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
    def test_a_machine_whose_node_was_never_heard_verifies_again_however_late(self, world, client, trouble):
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

    def test_once_its_token_was_used_the_key_is_worth_what_it_is_to_anybody(self, world, client):
        blob = a_key(client, "north", uses_remaining=1)
        agent = Agent(client, 1)
        agent.enrol(blob, "north")
        agent.poll()
        world.clock.advance(25 * HOUR)

        assert agent.verify(blob).data["error"] == "key_spent"

    def test_a_use_without_a_node_is_remembered_for_a_day(self, world, client):
        blob = a_key(client, "north", uses_remaining=1)
        agent = Agent(client, 1)
        agent.verify(blob)
        world.clock.advance(23 * HOUR)

        assert [answer.status for answer in agent.enrol(blob, "north")] == [200, 201]


class TestDeleted:
    def test_neither_token_nor_key_of_before_brings_it_back(self, world, client):
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

    def test_a_key_that_knows_no_node_gives_a_token_that_does_not_bring_it_back_either(self, world, client):
        (agent,) = enrolled(client, 1)
        blob = a_key(client, "north", uses_remaining=None)
        delete(world, client, agent)
        body = {"key": blob}
        verify = client.request("POST", "/api/v1/agents/enrollment_keys/verify", json=body, key=None, checked=False)
        agent.token = None

        answer = agent.register(verify.data["netmaker_key"], "north")

        assert (answer.status, code_of(answer)) == (422, "node_removed")

    def test_a_bound_token_whose_key_is_deleted_too_founds_nothing(self, world, client):
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

    def test_one_from_before_tombstones_is_not_founded_anew_by_its_bound_token(self, world, client):
        blob = a_key(client, "north", uses_remaining=1)
        agent = Agent(client, 1)
        token = agent.verify(blob).data["netmaker_key"]
        agent.register(token, "north")
        delete(world, client, agent)
        client.post(f"{NODES_PATH}/{agent.id}/unblock")
        agent.token = None

        answer = agent.register(token, "north")

        assert (answer.status, code_of(answer)) == (422, "node_removed")

    def test_a_newer_key_admits_it_and_older_ones_stay_worthless(self, world, client):
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

    def test_unblocking_admits_it_with_the_key_that_it_has(self, world, client):
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

    def test_other_machines_may_use_the_key_of_before(self, world, client):
        blob = a_key(client, "north", uses_remaining=None)
        agent, other = Agent(client, 1), Agent(client, 2)
        agent.enrol(blob, "north")
        delete(world, client, agent)

        assert [answer.status for answer in other.enrol(blob, "north")] == [200, 201]

    def test_it_stays_away_also_when_its_cluster_was_deleted_and_made_anew(self, world, client):
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

    def test_with_a_key_deleted_between_reading_and_writing_nobody_enrols(self, world, client):
        blob = a_key(client, "north")
        agent = Agent(client, 1)
        token = agent.verify(blob).data["netmaker_key"]
        (key_id,) = key_ids(client)
        world.driver.before_next(
            lambda: world.fleet.enrollment.delete(key_id), operation="TransactWriteItems", table=NODES
        )

        answer = agent.register(token, "north")

        assert (answer.status, answer.error["details"]) == (
            422,
            unusable_token().details,
        )
        assert world.driver.rows(NODES) == []

    def test_the_event_of_its_verification_keeps_to_the_catalogue(self, world, client):
        blob = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 1)
        agent.enrol(blob, "north")
        delete(world, client, agent)
        agent.verify(blob)

        results = [json.loads(row["data"])["result"] for row in world.driver.rows(OCCURRENCES)]

        assert sorted(results) == ["invalid_key", "verified"]


class TestBlocked:
    def test_a_node_that_is_blocked_can_do_nothing_and_is_shown_as_blocked(self, world, client):
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

    def test_it_cannot_open_a_socket(self, world, client):
        (agent,) = enrolled(client, 1)
        client.post(f"{NODES_PATH}/{agent.id}/block")

        assert handshake(world, agent, "socket-1") == 403
        assert world.driver.rows(CONNECTIONS) == []

    def test_its_subscribers_are_told_that_it_is_unreachable(self, world, client):
        (agent,) = enrolled(client, 1)
        world.settle()
        world.bus_client.entries.clear()

        client.post(f"{NODES_PATH}/{agent.id}/block")
        world.settle()

        details = [json.loads(entry["Detail"]) for entry in world.bus_client.entries]
        assert [(one["type"], one["data"]["status"], one["data"]["previous_status"]) for one in details] == [
            ("edge.node.status_changed", "unreachable", "healthy")
        ]

    def test_work_waits_and_is_done_after_the_block_by_the_same_token(self, world, client):
        (agent,) = enrolled(client, 1)
        client.post(f"{NODES_PATH}/{agent.id}/block")
        client.post("/api/v1/commands", json={"command_text": "true", "targeting": {"type": "all"}})
        world.settle()

        client.post(f"{NODES_PATH}/{agent.id}/unblock")

        assert len(agent.waiting()) == 1
        shown = client.get(f"{NODES_PATH}/{agent.id}").data
        assert (shown["status"], shown["blocked_at"]) == ("healthy", None)

    def test_a_machine_that_is_no_node_can_be_blocked_beforehand(self, world, client):
        blob = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 1)
        token = agent.verify(blob).data["netmaker_key"]

        answer = client.post(f"{NODES_PATH}/{agent.id}/block")

        assert (answer.status, answer.data["is_node"]) == (200, False)
        assert agent.verify(blob).data["error"] == "node_blocked"
        assert code_of(agent.register(token, "north")) == "node_blocked"
        client.post(f"{NODES_PATH}/{agent.id}/unblock")
        assert agent.register(token, "north").status == 201

    def test_a_block_outlives_the_node_and_no_key_lifts_it(self, world, client):
        (agent,) = enrolled(client, 1)
        client.post(f"{NODES_PATH}/{agent.id}/block")
        delete(world, client, agent)
        agent.token = None

        assert agent.verify(a_key(client, "north")).data["error"] == "node_blocked"
        answer = client.post(f"{NODES_PATH}/{agent.id}/block")
        assert answer.data["removed_at"] == "2026-11-21T10:00:01Z"

    def test_blocking_and_unblocking_twice_is_as_once(self, world, client):
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
    def test_an_id_that_is_none_is_400(self, client, verb):
        assert client.post(f"{NODES_PATH}/{quote('no id')}/{verb}").status == 400

    def test_a_machine_that_is_blocked_while_it_enrols_is_no_node(self, world, client):
        agent = Agent(client, 1)
        token = agent.verify(a_key(client, "north")).data["netmaker_key"]
        world.driver.before_next(
            lambda: world.fleet.nodes.excluding.block(agent.id), operation="TransactWriteItems", table=NODES
        )

        assert code_of(agent.register(token, "north")) == "node_blocked"
        assert world.driver.rows(NODES) == []

    def test_a_node_that_is_blocked_while_it_connects_gets_no_socket(self, world, client):
        (agent,) = enrolled(client, 1)
        world.driver.before_next(
            lambda: world.fleet.nodes.excluding.block(agent.id), operation="TransactWriteItems", table=NODES
        )
        assert handshake(world, agent, "socket-1") == 403
        assert world.driver.rows(CONNECTIONS) == []

    def test_a_call_under_way_does_not_make_it_healthy(self, world, client):
        (agent,) = enrolled(client, 1)
        world.clock.advance(301)
        world.sweep("check_health")
        called = world.fleet.nodes.identity.authenticate(agent.token)
        client.post(f"{NODES_PATH}/{agent.id}/block")

        world.fleet.nodes.health.touch(called)

        assert client.get(f"{NODES_PATH}/{agent.id}").data["status"] == "unreachable"

    def test_a_push_does_not_reach_it(self, monkeypatch):
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


def test_rows_of_a_version_without_these_fields_are_read(world, client):
    (agent,) = enrolled(client, 1)
    world.driver.write(Update(NODES, {"id": agent.id}, (Remove("blocked_at"), Remove("replaced_connection_id"))))

    assert agent.poll().status == 200
    assert client.get(f"{NODES_PATH}/{agent.id}").data["blocked_at"] is None
