"""A node that leaves is deleted by its own token, as an operator would delete it."""

from tests.support.callers import Agent, a_key, enrolled

PATH = "/api/v1/agents/nodes/me"


def leave(client, agent):
    return client.request("DELETE", PATH, key=agent.token)


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

    def test_call_without_a_token_is_refused(self, client):
        assert client.request("DELETE", PATH, key=None).status == 401
