"""Machines that enrol over bad lines, or race for the last place."""

import ipaddress
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from chalicelib.fleet.nodes.rules import full_cluster
from tests.e2e.cloud import eventually, fleet, logged, start_connected


def test_enrolment_succeeds_despite_responses_lost_at_any_step(cloud, link):
    with fleet(cloud, "lossy") as lossy:
        key = lossy.new_key(uses=2)
        agent = lossy.machine(key["key"])
        # Twice each: once where its connection is new, once where it may be an old one that broke.
        verify = link.lose_answers("POST", "/enrollment_keys/verify$", times=2)
        register = link.lose_answers("POST", "/agents/nodes$", times=2)

        start_connected(agent, environment=link.environment)

        assert (verify.met, register.met) == (2, 2)
        assert [node["id"] for node in lossy.nodes()] == [agent.node_id()]
        assert lossy.api.get(f"/api/v1/enrollment_keys/{key['id']}").data["uses_remaining"] == 1
        assert [each["id"] for each in lossy.api.items("/api/v1/enrollment_keys?cluster_name=lossy")] == [key["id"]]

        acknowledged = link.lose_answers("PATCH", "/acknowledge$", times=1)
        reported = link.lose_answers("PATCH", "/result$", times=2)
        log = agent.folder / "log"
        command_id = lossy.run(f"echo line | tee -a {log}", agent)
        assert lossy.only(command_id, "completed")["output"] == "line\n"
        eventually(lambda: (acknowledged.met, reported.met) == (1, 2))
        eventually(lambda: logged(agent, "execution.result_refused"))

        agent.stop()
        again = link.lose_answers("POST", "/agents/nodes$", times=2)
        start_connected(agent, environment=link.environment)
        assert again.met == 2
        assert not logged(agent, "agent.token_refused")
        assert lossy.only(lossy.run("echo known", agent), "completed")["output"] == "known\n"
        assert log.read_text() == "line\n"
        assert len(lossy.nodes()) == 1


def test_two_agents_racing_for_the_last_use_of_a_key_have_one_winner(cloud):
    with fleet(cloud, "one-use") as cluster:
        key = cluster.new_key(uses=1)

        refusals = _race(cluster, key["key"])

        assert refusals == ["the enrollment key was not accepted: key_spent"]
        assert cluster.api.get(f"/api/v1/enrollment_keys/{key['id']}").data["uses_remaining"] == 0


# Slow: the race for a key runs on the same transaction, and both are tried in process.
@pytest.mark.slow
def test_two_agents_racing_for_the_last_place_of_a_cluster_have_one_winner(cloud, link):
    with fleet(cloud, "one-place") as cluster:
        assert cluster.api.call("PATCH", "/api/v1/clusters/one-place", {"node_limit": 1}).status == 200
        held = link.lose_requests("POST", "/agents/nodes$")

        def let_go(agents):
            eventually(lambda: all(logged(agent, "enrollment.waiting") for agent in agents))
            held.end()

        refusals = _race(cluster, cluster.new_key(uses=2)["key"], let_go, link.environment)

        assert len(refusals) == 1
        assert "the server refused the registration" in refusals[0]
        assert full_cluster(1).message in refusals[0]
        assert cluster.api.get("/api/v1/clusters/one-place").data["node_count"] == 1


def test_twelve_clusters_created_at_once_get_distinct_ranges(api):
    names = [f"crowd-{number}" for number in range(12)]
    together = Barrier(len(names))

    def create(name):
        together.wait()
        return api.call("POST", "/api/v1/clusters", {"name": name})

    with ThreadPoolExecutor(len(names)) as pool:
        answers = list(pool.map(create, names))

    assert [answer.status for answer in answers] == [201] * len(names)
    ranges = [ipaddress.ip_network(answer.data["ipv4_range"]) for answer in answers]
    everyone = [ipaddress.ip_network(cluster["ipv4_range"]) for cluster in api.items("/api/v1/clusters")]
    assert set(ranges) <= set(everyone)
    assert not [(one, two) for one in everyone for two in everyone if one is not two and one.overlaps(two)]
    assert [api.call("DELETE", f"/api/v1/clusters/{name}").status for name in names] == [204] * len(names)


def _race(cluster, key, let_go=lambda _agents: None, environment=None):
    """Start two agents with this key at once; why agents were refused at first, once both have settled."""
    agents = [cluster.machine(key) for _ in range(2)]
    for agent in agents:
        agent.start(environment=environment)
    let_go(agents)
    eventually(lambda: all(logged(agent, "websocket.connected") or logged(agent, "node.refused") for agent in agents))
    connected = [agent for agent in agents if logged(agent, "websocket.connected")]
    assert [node["id"] for node in cluster.nodes()] == [agent.node_id() for agent in connected]
    assert all(agent.running for agent in agents)
    return [logged(agent, "node.refused")[0]["reason"] for agent in agents if agent not in connected]
