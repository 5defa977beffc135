"""Facts and labels of nodes, from an agent's registration to filters and targets."""

import pytest

from chalicelib.fleet.labels import too_many
from tests.contract.bodies import REGISTRATION
from tests.support.builders import a_cluster, machines
from tests.support.callers import operator
from tests.support.terms import forget_state
from tests.support.world import World

API = "/api/v1"
FACTS = {
    "hostname": "till-3",
    "os_name": "debian",
    "os_version": "12",
    "architecture": "x86_64",
    "kernel": "6.1.0",
    "addresses": ["192.168.7.20"],
    "booted_at": "2026-11-20T08:00:00Z",
    "ssh_host_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFHHJI7qbjh1tCbOZ2lSVFg5cJ3Iy1Rc8hYnlNbDMIVU"],
}


@pytest.fixture(params=["by terms", "by rows"])
def world(request):
    world = World()
    if request.param == "by rows":
        forget_state(world.driver)
    a_cluster(world)
    return world


@pytest.fixture
def client(world):
    return operator(world)


def enrol(client, labels=None, said=None, **more):
    """A machine of the contract's registration, by a key with these labels. Returns its token."""
    body = {} if labels is None else {"labels": labels}
    key = client.post(f"{API}/clusters/north/enrollment_keys", json=body).data["key"]
    node_id = REGISTRATION["node_id"]
    verified = client.post(f"{API}/agents/enrollment_keys/verify", json={"key": key, "node_id": node_id}, key=None).data
    whole = {
        **REGISTRATION,
        "network_name": "cluster-north",
        "registration_token": verified["netmaker_key"],
        **more,
        **(said or {}),
    }
    answer = client.post(f"{API}/agents/nodes", json=whole, key=None)
    assert answer.status == 201, answer.text
    return answer.data["api_token"]


def shown(client):
    return client.get(f"{API}/nodes/{REGISTRATION['node_id']}").data


def report(client, token, **facts):
    body = {"status": "healthy", "facts": facts}
    return client.patch(f"{API}/agents/nodes/me/health_check", json=body, key=token)


def test_machine_is_shown_as_its_agent_describes_it(client):
    enrol(client, facts=FACTS, features=["tail"])

    node = shown(client)
    assert {name: node[name] for name in FACTS} == FACTS
    assert node["features"] == ["tail"]


def test_older_agent_leaves_facts_unknown(client):
    enrol(client)

    node = shown(client)
    assert (node["hostname"], node["addresses"], node["labels"], node["features"]) == (None, [], {}, [])


def test_changed_facts_of_a_health_report_are_stored_and_same_ones_cost_nothing(client, world):
    token = enrol(client, facts=FACTS)
    moved = {**FACTS, "addresses": ["10.0.0.7"]}
    report(client, token, **moved)
    assert shown(client)["addresses"] == ["10.0.0.7"]

    world.platform.tables.meter.reset()
    report(client, token, **moved)
    assert world.platform.tables.meter.write_units == 0


def test_host_keys_that_the_agent_no_longer_tells_are_no_longer_shown(client):
    token = enrol(client, facts=FACTS)
    assert shown(client)["ssh_host_keys"] == FACTS["ssh_host_keys"]

    report(client, token, **{**FACTS, "ssh_host_keys": []})
    assert shown(client)["ssh_host_keys"] == []


@pytest.mark.parametrize(
    "line", ["ssh-ed25519", "ssh-ed25519 AAAA\nevil ssh-rsa AAAA", "ssh-ed25519 AAAA me", "# AAAA"]
)
def test_host_key_that_is_more_than_kind_and_key_is_400(client, line):
    token = enrol(client, facts=FACTS)

    assert report(client, token, **{**FACTS, "ssh_host_keys": [line]}).status == 400
    assert shown(client)["ssh_host_keys"] == FACTS["ssh_host_keys"]


def test_labels_of_operator_key_and_agent_hold_in_this_order(client):
    enrol(client, {"env": "prod", "site": "kiel"}, said={"labels": {"env": "test", "role": "till"}})
    assert shown(client)["labels"] == {"env": "prod", "role": "till", "site": "kiel"}

    node_id = REGISTRATION["node_id"]
    answer = client.patch(f"{API}/nodes/{node_id}", json={"labels": {"site": "bonn", "role": None, "rack": "7"}})
    assert answer.data["labels"] == shown(client)["labels"] == {"env": "prod", "rack": "7", "site": "bonn"}


def test_labels_of_a_key_are_shown_and_changed(client):
    key = client.post(f"{API}/clusters/north/enrollment_keys", json={"labels": {"env": "prod"}}).data
    assert key["labels"] == {"env": "prod"}
    assert client.patch(f"{API}/enrollment_keys/{key['id']}", json={"labels": {}}).data["labels"] == {}


@pytest.mark.parametrize("labels", [{"Env": "prod"}, {"env": "a b"}, {"": "x"}])
def test_label_of_a_wrong_form_is_422(client, labels):
    enrol(client)

    assert client.patch(f"{API}/nodes/{REGISTRATION['node_id']}", json={"labels": labels}).status == 422
    assert shown(client)["labels"] == {}


def test_more_labels_than_fit_are_422(client):
    enrol(client)
    labels = {f"n{number}": "x" for number in range(21)}

    answer = client.patch(f"{API}/nodes/{REGISTRATION['node_id']}", json={"labels": labels})
    assert (answer.status, answer.error["details"]) == (422, too_many().details)


class TestFilters:
    @pytest.fixture
    def others(self, client, world):
        enrol(client, {"env": "prod", "role": "web"}, facts=FACTS)
        found = machines(world, 2)
        client.patch(f"{API}/nodes/{found[0].id}", json={"labels": {"env": "prod"}})
        world.settle()
        return found

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ({"labels": "env:prod"}, 2),
            ({"labels": "env:prod,role:web"}, 1),
            ({"labels": "env:test"}, 0),
            ({"hostname": "till-*"}, 1),
            ({"os_name": "debian", "architecture": "x86_64"}, 1),
            ({"labels": "env:prod", "cluster_name": "north"}, 2),
        ],
    )
    def test_list_and_command_reach_the_same_nodes(self, client, world, others, query, count):
        listed = {node["id"] for node in client.get(f"{API}/nodes", query=query).data}
        assert len(listed) == count

        body = {"command_text": "true", "targeting": {"type": "all", "node_filters": query}}
        command = client.post(f"{API}/commands", json=body).data
        world.settle()
        rows = client.get(f"{API}/command_executions", query={"command_id": command["id"]}).data
        assert {row["node_id"] for row in rows} == listed

    @pytest.mark.parametrize("labels", ["env", "env=prod", "env:prod,env:test"])
    def test_unreadable_labels_are_refused_and_reach_nobody(self, client, others, labels):
        assert client.get(f"{API}/nodes", query={"labels": labels}).status == 400
        body = {"command_text": "true", "targeting": {"type": "all", "node_filters": {"labels": labels}}}
        assert client.post(f"{API}/commands", json=body).status in {400, 422}

    def test_empty_labels_of_a_target_are_refused(self, client, others):
        body = {"command_text": "true", "targeting": {"type": "all", "node_filters": {"labels": ""}}}
        assert client.post(f"{API}/commands", json=body).status == 422
