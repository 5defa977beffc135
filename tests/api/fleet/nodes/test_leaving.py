"""A node that leaves is deleted by its own token, as an operator would delete it."""

from chalicelib.fleet.nodes.rules import PREVIOUS_TOKEN_SECONDS
from chalicelib.fleet.nodes.store import NODES
from tests.support.callers import Agent, a_key, enrolled

PATH = "/api/v1/agents/nodes/me"


def leave(client, agent):
    return client.request("DELETE", PATH, key=agent.token)


def registered_again(client):
    """An agent that has registered again, with the token that it showed for that."""
    (agent,) = enrolled(client, 1)
    before = agent.token
    assert agent.register(None, "north").status == 201
    return agent, before


class TestNodeThatLeaves:
    def test_is_gone_for_operators_and_returns_its_place(self, world, client):
        (agent,) = enrolled(client, 1)
        answer = leave(client, agent)
        assert (answer.status, answer.data) == (200, {"id": agent.id, "node_id": agent.id})
        world.settle(twice=True)
        assert client.get(f"/api/v1/nodes/{agent.id}").status == 404
        assert client.get("/api/v1/clusters/north").data["node_count"] == 0

    def test_is_told_so_if_it_repeats_itself(self, client):
        (agent,) = enrolled(client, 1)
        leave(client, agent)
        again = leave(client, agent)
        assert (again.status, again.error["code"]) == (401, "node_removed")

    def test_enrols_again_with_a_newer_key_only(self, world, client):
        old = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 1)
        assert agent.enrol(old, "north")[-1].status == 201
        leave(client, agent)
        world.settle(twice=True)
        world.clock.advance(1)
        (refused,) = agent.enrol(old, "north")
        assert refused.data["error"] == "node_removed"
        assert agent.enrol(a_key(client, "north"), "north")[-1].status == 201

    def test_leaves_the_others_alone(self, world, client):
        one, other = enrolled(client, 2)
        leave(client, one)
        world.settle(twice=True)
        assert other.heartbeat().status == 200
        assert client.get("/api/v1/clusters/north").data["node_count"] == 1

    def test_is_gone_though_it_never_got_its_new_token(self, world, client):
        agent, agent.token = registered_again(client)
        world.clock.advance(2 * PREVIOUS_TOKEN_SECONDS)
        assert leave(client, agent).status == 200
        assert world.driver.rows(NODES) == []
        assert leave(client, agent).error["code"] == "node_removed"

    def test_is_gone_by_a_repeat_with_its_previous_token(self, world, client):
        agent, agent.token = registered_again(client)
        world.clock.advance(2 * PREVIOUS_TOKEN_SECONDS)
        world.driver.conflicts(1.0)
        assert leave(client, agent).status == 503
        world.driver.conflicts(0.0)
        assert leave(client, agent).status == 200

    def test_is_refused_with_a_token_that_was_replaced_long_ago(self, world, client):
        agent, before = registered_again(client)
        assert agent.heartbeat().status == 200
        world.clock.advance(PREVIOUS_TOKEN_SECONDS)
        agent.token = before
        assert (leave(client, agent).status, len(world.driver.rows(NODES))) == (401, 1)

    def test_call_without_a_token_is_refused(self, client):
        assert client.request("DELETE", PATH, key=None).status == 401
