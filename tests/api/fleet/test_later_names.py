"""The names of the later revision of the contract beside those of the first: both are taken and answered."""

import pytest

from chalicelib.fleet.api import API
from chalicelib.fleet.clusters.model import own_range
from chalicelib.platform.access.permissions import KeyRole
from tests.support.builders import a_cluster, machines
from tests.support.client import Client
from tests.support.world import World

DAY, OTHER_DAY = "2026-12-01T00:00:00Z", "2026-12-02T00:00:00Z"
KEYS = "/api/v1/clusters/north/enrollment_keys"


@pytest.fixture
def world():
    world = World()
    a_cluster(world, name="north")
    world.machines = machines(world, 2)
    world.south = a_cluster(world, name="south")
    return world


@pytest.fixture
def client(world):
    return Client(API.groups(), world.fleet)


def names(answer, field="name"):
    assert answer.status == 200, answer.text
    return [row[field] for row in answer.data]


def test_deadline_is_taken_and_shown_under_both_names(client):
    made = client.post("/api/v1/commands", json={"command_text": "x", "targeting": {"type": "all"}, "expires_at": DAY})
    assert (made.status, made.data["expired_at"], made.data["expires_at"]) == (201, DAY, DAY)
    key = client.post(KEYS, json={"expires_at": DAY}).data
    assert (key["expired_at"], key["expires_at"]) == (DAY, DAY)
    changed = client.patch(f"/api/v1/enrollment_keys/{key['id']}", json={"expires_at": None}).data
    assert (changed["expired_at"], changed["expires_at"]) == (None, None)


def test_deadlines_of_different_values_are_422_and_change_nothing(client, world):
    before = world.state()
    answer = client.post(KEYS, json={"expires_at": DAY, "expired_at": OTHER_DAY})
    assert (answer.status, list(answer.error["details"])) == (422, ["expires_at"])
    answer = client.get("/api/v1/enrollment_keys", query={"expires_at__gte": DAY, "expired_at__gte": OTHER_DAY})
    assert (answer.status, list(answer.error["details"])) == (422, ["expires_at__gte"])
    assert world.state() == before


def test_lists_filter_and_sort_by_the_later_names(client):
    for name, day in (("a", DAY), ("b", OTHER_DAY)):
        assert client.post(KEYS, json={"name": name, "expires_at": day}).status == 201
    assert names(client.get("/api/v1/enrollment_keys", query={"expires_at__gte": OTHER_DAY})) == ["b"]
    later = {"has_expiry": "true", "sort": "-expires_at"}
    assert names(client.get("/api/v1/enrollment_keys", query=later)) == ["b", "a"]


def test_nodes_are_listed_by_ids_clusters_states_and_keys(client, world):
    one, other = (machine.id for machine in world.machines)
    assert names(client.get("/api/v1/nodes", query={"node_id__in": one.upper()}), "id") == [one]
    both = {"cluster_name__in": "north,south", "status__in": "healthy, unhealthy", "sort": "-inserted_at"}
    assert set(names(client.get("/api/v1/nodes", query=both), "id")) == {one, other}
    shown = client.get(f"/api/v1/nodes/{one}").data
    of_key = {"enrollment_key_id__in": shown["enrollment_key_id"], "has_enrollment_key": "true"}
    assert one in names(client.get("/api/v1/nodes", query=of_key), "id")
    assert names(client.get("/api/v1/nodes", query={"has_enrollment_key": "false"}), "id") == []


def test_key_of_a_cluster_lists_nothing_of_others_by_id(client, world):
    key = world.key_with(role=KeyRole.VIEWER, restrictions={"clusters": [world.south.id]})
    one = world.machines[0].id
    for path, query in (
        ("nodes", {"node_id__in": one}),
        ("nodes", {"cluster_name__in": "north"}),
        ("clusters", {"node_id__in": one}),
        ("clusters", {"name__in": "north"}),
    ):
        assert client.with_key(key).get(f"/api/v1/{path}", query=query).data == []
    assert names(client.with_key(key).get("/api/v1/clusters", query={"name__in": "north,south"})) == ["south"]


def test_clusters_are_listed_by_names_nodes_and_ranges(client, world):
    assert names(client.get("/api/v1/clusters", query={"name__in": "south,none"})) == ["south"]
    assert names(client.get("/api/v1/clusters", query={"node_id__in": world.machines[0].id})) == ["north"]
    south = client.get("/api/v1/clusters/south").data
    assert south["ipv6_range"] == own_range(south["id"])
    assert names(client.get("/api/v1/clusters", query={"ipv6_range": south["ipv6_range"]})) == ["south"]


def test_ipv6_range_is_one_clusters_until_it_is_deleted(client):
    wanted = {"ipv6_range": "fd12:3456:789a:1::5/64"}
    made = client.post("/api/v1/clusters", json={"name": "a", **wanted})
    assert (made.status, made.data["ipv6_range"]) == (201, "fd12:3456:789a:1::/64")
    assert client.post("/api/v1/clusters", json={"name": "b", **wanted}).status == 409
    assert client.delete("/api/v1/clusters/a").status == 204
    assert client.post("/api/v1/clusters", json={"name": "b", **wanted}).status == 201


@pytest.mark.parametrize("text", ["fd12::/48", "2001:db8::/64", "100.64.0.0/24", "x"])
def test_range_that_is_no_local_ipv6_64_is_422(client, text):
    answer = client.post("/api/v1/clusters", json={"name": "a", "ipv6_range": text})
    assert (answer.status, list(answer.error["details"])) == (422, ["ipv6_range"])


def test_targeting_takes_the_later_filters(client, world):
    targeting = {
        "type": "all",
        "node_filters": {"status__in": "healthy"},
        "cluster_filters": {"name__in": ["north", "none"]},
    }
    made = client.post("/api/v1/commands", json={"command_text": "x", "targeting": targeting})
    assert made.status == 201, made.text
    world.settle()
    assert client.get(f"/api/v1/commands/{made.data['id']}").data["summary"]["total"] == 2
    for empty in ("", [], ","):
        targeting["cluster_filters"] = {"name__in": empty}
        assert client.post("/api/v1/commands", json={"command_text": "x", "targeting": targeting}).status == 400


def test_admins_show_their_host_under_both_names(client):
    shown = client.get("/api/v1/admins/me").data
    assert shown["vpn_host_id"] == shown["netmaker_host_id"]


LATER = {"Edge-Api-Revision": "2026-08-19"}


def test_deleted_cluster_is_204_or_in_the_later_revision_202(client):
    for name, headers, status in (("a", {}, 204), ("b", {"Edge-Api-Revision": "2026-05-19"}, 204), ("c", LATER, 202)):
        client.post("/api/v1/clusters", json={"name": name})
        answer = client.delete(f"/api/v1/clusters/{name}", headers=headers)
        assert (answer.status, answer.text) == (status, "")


def test_limit_below_the_count_is_422_or_in_the_later_revision_409(client, world):
    before = world.state()
    path, body = "/api/v1/clusters/north", {"node_limit": 1}
    assert client.patch(path, json=body).status == 422
    refused = client.patch(path, json=body, headers=LATER)
    assert (refused.status, refused.error["code"]) == (409, "conflict")
    assert client.patch(path, json={"node_limit": 100_000}, headers=LATER).status == 422
    assert world.state() == before


def test_unknown_revision_is_400_and_changes_nothing(client, world):
    before = world.state()
    answer = client.delete("/api/v1/clusters/south", headers={"Edge-Api-Revision": "0.3"})
    assert (answer.status, list(answer.error["details"])) == (400, ["Edge-Api-Revision"])
    assert world.state() == before
