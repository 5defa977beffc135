"""Operators and agents where there is a mesh: what they are answered, and what becomes of the mesh."""

import pytest

from chalicelib.fleet.clusters.rules import name_taken, overlapping
from chalicelib.fleet.enrollment.store import TABLE as KEYS
from chalicelib.fleet.mesh.store import TABLE as MADE
from chalicelib.fleet.nodes.rules import already_registered, full_network, unknown_network
from chalicelib.fleet.nodes.store import NODES
from chalicelib.platform.events.store import TABLE as OCCURRENCES
from tests.support.callers import Agent, a_key, operator
from tests.support.fakes.netmaker_stub import RefusedError
from tests.support.fakes.netmaker_world import enrol, join, netmaker_world

CLUSTERS = "/api/v1/clusters"
NORTH = "cluster-north"


@pytest.fixture
def world():
    with netmaker_world() as world:
        yield world


def a_cluster(client, name="north", **fields):
    answer = client.post(CLUSTERS, json={"name": name, **fields})
    assert answer.status == 201, answer.text
    return answer.data


def a_node(world, client, cluster="north", number=0):
    """An enrolled agent; the cluster is there."""
    agent = Agent(client, number)
    assert enrol(world, agent, a_key(client, cluster), cluster).status == 201
    return agent


class TestClusters:
    def test_netmaker_network_is_created_and_deleted_with_its_cluster(self, world, client):
        made = a_cluster(client)
        world.settle(twice=True)
        assert world.netmaker.networks == {NORTH: made["ipv4_range"]}

        assert client.delete(f"{CLUSTERS}/north").status == 204
        world.settle(twice=True)
        assert (world.netmaker.networks, world.driver.rows(MADE)) == ({}, [])

    def test_generated_range_avoids_ranges_of_other_networks(self, world, client):
        world.netmaker.networks |= {"admin-cluster-a": "100.64.0.0/23", "theirs": "100.64.3.0/26"}

        ranges = [a_cluster(client, name)["ipv4_range"] for name in ("north", "south")]
        del world.netmaker.networks["admin-cluster-a"]
        ranges.append(a_cluster(client, "east")["ipv4_range"])

        assert ranges == ["100.64.2.0/24", "100.64.4.0/24", "100.64.0.0/24"]

    def test_range_of_another_network_is_409(self, world, client):
        world.netmaker.networks["theirs"] = "100.80.0.0/16"
        answer = client.post(CLUSTERS, json={"name": "north", "ipv4_range": "100.80.9.0/24"})

        assert (answer.status, answer.error["message"]) == (
            409,
            overlapping("100.80.9.0/24").message,
        )
        assert client.get(CLUSTERS).data == []

    def test_cluster_name_of_another_network_is_409(self, world, client):
        world.netmaker.networks[NORTH] = "100.90.0.0/24"
        answer = client.post(CLUSTERS, json={"name": "north"})

        assert (answer.status, answer.error["message"]) == (409, name_taken().message)
        world.settle()
        assert world.netmaker.networks == {NORTH: "100.90.0.0/24"}

    def test_cluster_name_may_be_reused_before_its_old_network_is_deleted(self, world, client):
        a_cluster(client, ipv4_range="100.70.0.0/24")
        world.settle()
        client.delete(f"{CLUSTERS}/north")
        a_cluster(client, ipv4_range="100.71.0.0/24")
        world.settle(twice=True)

        assert world.netmaker.networks == {NORTH: "100.71.0.0/24"}

    def test_default_cluster_is_created_once_netmaker_is_available(self):
        with netmaker_world(default_cluster_name="main") as world:
            client = operator(world)
            world.server.trouble(status=500)
            assert client.get(f"{CLUSTERS}/main").status == 404

            world.server.recover()
            assert client.get(f"{CLUSTERS}/main").status == 200
            world.settle()
            assert list(world.netmaker.networks) == ["cluster-main"]


class TestEnrolment:
    def test_reference_agent_enrols_through_netmaker(self, world, client):
        a_cluster(client)
        agent = Agent(client, 0)
        verified = agent.verify(a_key(client, "north"))
        assert verified.data["netmaker_key"] == world.netmaker.keys[-1]["token"]

        host = join(world, agent, verified.data["netmaker_key"])
        assert agent.register("", "north").status == 201

        node = client.get(f"/api/v1/nodes/{agent.id}").data
        assert (node["netmaker_host_id"], node["cluster_name"], node["status"]) == (host, "north", "healthy")
        assert agent.heartbeat().status == 200

    def test_enrolment_succeeds_before_the_change_stream_creates_the_network(self, world, client):
        a_cluster(client)
        a_node(world, client)
        world.settle(twice=True)

        assert list(world.netmaker.networks) == [NORTH]
        assert len(world.netmaker.hosts_in(NORTH)) == 1

    @pytest.mark.parametrize("makes_keys", [True, False])
    def test_several_agents_join_with_one_unlimited_key(self, world, client, makes_keys):
        world.netmaker.makes_keys = makes_keys
        a_cluster(client)
        blob = a_key(client, "north", uses_remaining=None)
        agents = [Agent(client, number) for number in range(5)]

        assert [enrol(world, agent, blob, "north").status for agent in agents] == [201] * 5
        assert world.netmaker.asked("GET", "enrollment-keys") == [], "Netmaker shows one by listing all"

    def test_single_use_key_allows_one_join(self, world, client):
        a_cluster(client)
        blob = a_key(client, "north", uses_remaining=1)
        agent = Agent(client, 0)
        token = agent.verify(blob).data["netmaker_key"]
        client.delete(f"/api/v1/enrollment_keys/{client.get('/api/v1/enrollment_keys').data[0]['id']}")
        join(world, agent, token)
        assert agent.register("", "north").status == 201

        for number in range(1, 5):
            other = Agent(client, number)
            with pytest.raises(RefusedError):
                join(world, other, token)
            assert other.register("", "north").status == 422

    def test_repeated_verification_gives_no_second_join(self, world, client):
        a_cluster(client)
        blob = a_key(client, "north", uses_remaining=1)
        agent = Agent(client, 0)
        token = agent.verify(blob).data["netmaker_key"]
        world.netmaker.join(token, "node-of-somebody-else")

        assert agent.verify(blob).data["error"] == "key_spent"

    @pytest.mark.parametrize("is_used", [True, False])
    def test_machine_without_its_join_and_host_takes_another_key_use(self, world, client, is_used):
        a_cluster(client)
        blob = a_key(client, "north", uses_remaining=2)
        agent = Agent(client, 0)
        token = agent.verify(blob).data["netmaker_key"]
        if is_used:
            host = join(world, agent, token)
            del world.netmaker.members[NORTH, host]
        else:
            world.netmaker.keys.clear()

        again = agent.verify(blob)
        join(world, agent, again.data["netmaker_key"])
        assert agent.register("", "north").status == 201
        (key,) = world.driver.rows(KEYS)
        assert key["uses_remaining"] == 0

    def test_joined_machine_with_a_lost_answer_registers_without_another_join(self, world, client):
        a_cluster(client)
        blob = a_key(client, "north", uses_remaining=1)
        agent = Agent(client, 0)
        verified = agent.verify(blob).data
        join(world, agent, verified["netmaker_key"])
        agent.register(verified["netmaker_key"], "north")
        agent.token = None
        world.clock.advance(30 * 24 * 3600)
        world.reconcile()
        assert [key for key in world.netmaker.keys if not key["unlimited"]] == []

        again = agent.verify(blob).data

        assert again["verified"]
        assert agent.register(again["netmaker_key"], "north").status == 201
        assert [key for key in world.netmaker.keys if not key["unlimited"]] == []

    def test_deleting_a_key_revokes_its_netmaker_joins(self, world, client):
        a_cluster(client)
        blob = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 0)
        token = agent.verify(blob).data["netmaker_key"]
        world.settle()
        client.delete(f"/api/v1/enrollment_keys/{client.get('/api/v1/enrollment_keys').data[0]['id']}")
        world.settle(twice=True)

        with pytest.raises(RefusedError):
            join(world, agent, token)

    def test_enrolment_steps_may_be_repeated_with_one_result(self, world, client):
        a_cluster(client)
        blob = a_key(client, "north")
        agent = Agent(client, 0)
        first, again = agent.verify(blob), agent.verify(blob)
        assert first.data == again.data

        host = join(world, agent, first.data["netmaker_key"])
        tokens = set()
        for _ in range(3):
            assert agent.register("", "north").status == 201
            tokens.add(agent.token)
        world.settle(twice=True)

        assert len(tokens) == 3, "as in the reference every registration gives fresh secrets"
        assert (world.netmaker.hosts_in(NORTH), list(world.netmaker.hosts)) == ([host], [host])
        assert client.get(f"{CLUSTERS}/north").data["node_count"] == 1

    def test_registration_without_joining_the_network_is_422(self, world, client):
        a_cluster(client)
        agent = Agent(client, 0)
        verified = agent.verify(a_key(client, "north"))
        answer = agent.register(verified.data["netmaker_key"], "north")

        assert (answer.status, answer.error["details"]) == (
            422,
            {"node_id": ["node not found in Netmaker network"]},
        )
        world.netmaker.join(verified.data["netmaker_key"], "somebody-else")
        assert agent.register("", "north").status == 422
        assert world.driver.rows(NODES) == []

    def test_unknown_or_full_cluster_refuses_registration(self, world, client):
        a_cluster(client, node_limit=1)
        blob = a_key(client, "north", uses_remaining=None)
        one, two = Agent(client, 0), Agent(client, 1)
        for agent in (one, two):
            join(world, agent, agent.verify(blob).data["netmaker_key"])

        assert one.register("", "nowhere").error["details"] == unknown_network().details
        assert one.register("", "north").status == 201
        assert two.register("", "north").error["details"] == full_network(1).details
        assert Agent(client, 2).verify(blob).data["error"] == "node_limit_reached"

    def test_machine_that_joined_another_network_moves_to_its_cluster(self, world, client):
        a_cluster(client)
        a_cluster(client, "south")
        agent = a_node(world, client)
        alias = client.post(f"/api/v1/nodes/{agent.id}/aliases", json={"name": "web"}).data
        world.settle()

        assert enrol(world, agent, a_key(client, "south"), "south").status == 201
        world.settle(twice=True)

        assert client.get(f"/api/v1/nodes/{agent.id}").data["cluster_name"] == "south"
        assert client.get(f"/api/v1/aliases/{alias['id']}").status == 404
        assert (world.netmaker.hosts_in(NORTH), world.names_in("north")) == ([], {})
        assert len(world.netmaker.hosts_in("cluster-south")) == 1, "the host that it was before is gone"


class TestComingBack:
    def test_registration_with_a_foreign_node_id_is_422(self, world, client):
        a_cluster(client)
        agent = a_node(world, client)
        agent.poll()
        stranger = agent.twin()
        for bearer in (None, "x" * 64):
            stranger.token = bearer
            answer = stranger.register("", "north")
            assert (answer.status, answer.error["details"]) == (422, already_registered().details)

        assert agent.poll().status == 200

    def test_node_returns_by_its_token_or_the_previous_until_the_new_is_used(self, world, client):
        a_cluster(client)
        agent = a_node(world, client)
        agent.poll()
        on_disk = agent.token
        for _ in range(3):
            agent.token = on_disk
            assert agent.register("", "north").status == 201
            world.clock.advance(24 * 3600)

        assert agent.poll().status == 200

    def test_node_without_its_first_token_registers_again_as_a_host(self, world, client):
        a_cluster(client)
        agent = a_node(world, client)
        agent.token = None

        assert agent.register("", "north").status == 201

    def test_call_from_its_mesh_address_proves_a_node(self, world, client):
        a_cluster(client)
        agent = a_node(world, client)
        agent.poll()
        agent.token = None
        (host,) = world.netmaker.hosts
        world.netmaker.enter(host, NORTH, "100.64.0.7")

        assert agent.register("", "north").status == 422
        agent.address = "100.64.0.7"
        assert agent.register("", "north").status == 201

    def test_netmaker_host_proves_a_node_where_settings_allow_it(self):
        with netmaker_world(netmaker_hosts_prove_nodes=True) as world:
            client = operator(world)
            a_cluster(client)
            agent = a_node(world, client)
            agent.poll()
            agent.token = None

            assert agent.register("", "north").status == 201

    def test_deleted_node_still_a_host_needs_a_newer_key_or_the_operator(self, world, client):
        a_cluster(client)
        old = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 0)
        enrol(world, agent, old, "north")
        world.clock.advance(1)
        client.delete(f"/api/v1/nodes/{agent.id}")
        world.clock.advance(1)
        agent.token = None

        assert agent.register("", "north").error["code"] == "node_removed"
        assert agent.verify(old).data["error"] == "node_removed"
        token = agent.verify(a_key(client, "north")).data["netmaker_key"]
        assert agent.register(token, "north").status == 201

    def test_deleted_reference_agent_is_admitted_by_the_operator(self, world, client):
        """It sends nothing by which a newer key could be known."""
        a_cluster(client)
        agent = a_node(world, client)
        client.delete(f"/api/v1/nodes/{agent.id}")
        agent.token = None
        assert agent.register("", "north").error["code"] == "node_removed"

        client.post(f"/api/v1/nodes/{agent.id}/unblock")

        assert agent.register("", "north").status == 201

    def test_blocked_node_in_the_mesh_is_403(self, world, client):
        a_cluster(client)
        agent = a_node(world, client)
        client.post(f"/api/v1/nodes/{agent.id}/block")

        assert (agent.register("", "north").status, agent.poll().status) == (403, 403)


class TestNodes:
    def test_deleted_node_is_removed_from_the_mesh(self, world, client):
        a_cluster(client)
        agent, other = a_node(world, client), a_node(world, client, number=1)
        client.post(f"/api/v1/nodes/{agent.id}/aliases", json={"name": "web"})
        world.settle()

        assert client.delete(f"/api/v1/nodes/{agent.id}").status == 204
        world.settle(twice=True)

        assert list(world.netmaker.hosts.values()) == [f"node-{other.id}"]
        assert world.names_in("north") == {}

    def test_deleted_node_keeps_a_host_that_another_node_uses(self, world, client):
        """An agent that lost its state enrols under a new id; its machine keeps its host, which gets the new name."""
        a_cluster(client)
        agent = a_node(world, client)
        world.settle()
        (host,) = world.netmaker.hosts
        again = Agent(client, 1)
        world.netmaker.hosts[host] = f"node-{again.id}"
        assert again.register("", "north").status == 201

        assert client.delete(f"/api/v1/nodes/{agent.id}").status == 204
        world.settle(twice=True)

        assert world.netmaker.hosts_in(NORTH) == [host]

    def test_moved_node_changes_its_netmaker_network(self, world, client):
        a_cluster(client)
        a_cluster(client, "south")
        agent = a_node(world, client)
        (host,) = world.netmaker.hosts

        answer = client.patch(f"/api/v1/nodes/{agent.id}/change_cluster", json={"cluster_name": "south"})
        world.settle(twice=True)

        assert answer.status == 200
        assert (world.netmaker.hosts_in(NORTH), world.netmaker.hosts_in("cluster-south")) == ([], [host])
        assert agent.register("", "south").status == 201


class TestAliases:
    def test_alias_resolves_to_the_current_address_of_its_node(self, world, client):
        a_cluster(client)
        agent = a_node(world, client)
        made = client.post(f"/api/v1/nodes/{agent.id}/aliases", json={"name": "web"})
        world.settle(twice=True)
        assert (made.status, world.names_in("north")) == (201, {"web": "100.64.0.1"})

        (host,) = world.netmaker.hosts
        world.netmaker.enter(host, NORTH, "100.64.0.99")
        assert client.delete(f"/api/v1/aliases/{made.data['id']}").status == 204
        client.post(f"/api/v1/nodes/{agent.id}/aliases", json={"name": "web"})
        world.settle(twice=True)
        assert world.names_in("north") == {"web": "100.64.0.99"}

    @pytest.mark.parametrize("overwrites_names", [True, False])
    def test_host_with_a_new_address_keeps_its_aliases(self, world, client, overwrites_names):
        world.netmaker.overwrites_names = overwrites_names
        a_cluster(client)
        blob = a_key(client, "north", uses_remaining=None)
        agent = Agent(client, 0)
        enrol(world, agent, blob, "north")
        client.post(f"/api/v1/nodes/{agent.id}/aliases", json={"name": "web"})
        world.settle()

        world.netmaker.answer("DELETE", f"/api/hosts/{next(iter(world.netmaker.hosts))}", *_as_operator())
        world.netmaker.host("filler")
        world.netmaker.enter(next(iter(world.netmaker.hosts)), NORTH)
        enrol(world, agent, blob, "north")
        world.settle(twice=True)

        assert world.names_in("north") == {"web": "100.64.0.2"}

    def test_alias_of_a_node_outside_the_mesh_is_refused(self, world, client):
        a_cluster(client)
        agent = a_node(world, client)
        (host,) = world.netmaker.hosts
        path = f"/api/v1/nodes/{agent.id}/aliases"

        world.netmaker.enter(host, NORTH, "")
        assert client.post(path, json={"name": "web"}).error["message"] == (
            "Node has not been assigned an IP address yet. It may still be enrolling in the VPN."
        )
        del world.netmaker.members[NORTH, host]
        answer = client.post(path, json={"name": "web"})
        assert (answer.status, answer.error["message"]) == (
            409,
            "Node is not enrolled in the VPN network. Ensure the agent is connected and has joined the network.",
        )


DOWN = [{"status": 500}, {"status": 503}, {"drop": True}, {"raw": b"nonsense"}]


class TestUnavailable:
    @pytest.mark.parametrize("trouble", DOWN, ids=str)
    def test_refused_change_during_a_netmaker_outage_leaves_no_trace(self, world, client, trouble):
        a_cluster(client)
        a_cluster(client, "empty")
        agent = a_node(world, client)
        alias = client.post(f"/api/v1/nodes/{agent.id}/aliases", json={"name": "web"}).data
        blob = a_key(client, "north")
        world.settle()
        before, of_mesh = _changes(world), (dict(world.netmaker.networks), dict(world.netmaker.names))
        rows = _rows(world)

        world.clock.advance(61)  # what the container remembered of tokens
        world.server.trouble(**trouble)
        answers = [
            client.post(CLUSTERS, json={"name": "west"}),
            client.delete(f"{CLUSTERS}/empty"),
            client.delete(f"/api/v1/nodes/{agent.id}"),
            client.post(f"/api/v1/nodes/{agent.id}/aliases", json={"name": "db"}),
            client.delete(f"/api/v1/aliases/{alias['id']}"),
            client.post("/api/v1/agents/aliases", json={"name": "db"}, key=agent.token),
        ]
        fresh = [Agent(client, 7).verify(blob), agent.register("", "north")]

        assert {answer.status for answer in [*answers, *fresh]} == {503}
        assert {answer.error["code"] for answer in [*answers, *fresh]} == {"service_unavailable"}
        world.server.recover()
        assert (_rows(world), _changes(world)) == (rows, before)
        assert (world.netmaker.networks, world.netmaker.names) == of_mesh

    def test_key_use_is_not_lost_in_a_netmaker_outage(self, world, client):
        a_cluster(client)
        blob = a_key(client, "north")
        world.server.trouble(path="enrollment-keys", status=500)
        agent = Agent(client, 0)
        assert agent.verify(blob).status == 503
        (key,) = world.driver.rows(KEYS)
        assert key["uses_remaining"] == 1
        world.settle()
        (told,) = [one["data"] for one in world.bus_client.envelopes if one["type"] == "edge.enrollment_key.verified"]
        assert (told["result"], told["uses_remaining"]) == ("vpn_enrollment_key_unavailable", 1)

        world.server.recover()
        assert agent.verify(blob).data["verified"]

    def test_agent_calls_succeed_during_a_netmaker_outage(self, world, client):
        a_cluster(client)
        agent = a_node(world, client)
        world.server.trouble(status=500)

        assert agent.heartbeat().status == agent.poll().status == 200
        assert client.get(CLUSTERS).status == client.get("/api/v1/nodes").status == 200
        moved = client.patch(f"/api/v1/nodes/{agent.id}/change_cluster", json={"cluster_name": "nowhere"})
        assert moved.status == 422

    def test_netmaker_outage_makes_the_health_check_503(self, world, client):
        assert client.get("/healthz").status == 200
        world.server.trouble(status=500)
        world.clock.advance(5)
        answer = client.get("/healthz", checked=False)

        assert answer.status == 503
        assert [check["healthy"] for check in answer.json if check["name"] == "Netmaker API"] == [False]

    def test_netmaker_key_appears_in_no_response_and_no_log(self, world, client):
        world.server.trouble(status=401)
        answer = client.post(CLUSTERS, json={"name": "west"})

        assert answer.status == 503
        assert "netmaker-master-key" not in answer.text + "".join(world.lines.texts)
        assert 401 in [line.get("status") for line in world.said("netmaker_failed")]


def _changes(world):
    """How many changes of rows there were; that a machine asked in vain is an event, and no change."""
    return world.driver.stream_position - len(world.driver.rows(OCCURRENCES))


def _rows(world):
    return {table: world.driver.rows(table) for table in (NODES, KEYS, MADE)}


def _as_operator():
    return {"authorization": "Bearer netmaker-master-key"}, b""
