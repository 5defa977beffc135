"""Self-update requests as callers with a restricted reach see them and act on them."""

import pytest

from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.updates.rules import partly_out_of_reach
from chalicelib.fleet.updates.store import NODE_UPDATES, REQUESTS
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import ListRequest
from tests.application.fleet.updates.scene import ALL, a_world, check, events, sweep, willing
from tests.support.builders import a_cluster

DEADLINE_SECONDS = 10_801


class Scene:
    """Two willing nodes in the cluster north and one in south."""

    def __init__(self):
        self.world = a_world()
        clusters = {"south": a_cluster(self.world, "south"), "east": a_cluster(self.world, "east")}
        clusters["north"] = self.world.fleet.clusters.get("north", reach=EVERYWHERE)
        self.ids = {name: cluster.id for name, cluster in clusters.items()}
        self.north, self.south = willing(self.world, 2), willing(self.world, 1, cluster_name="south")
        self.requests = self.world.fleet.updates.requests

    def reach(self, *names):
        return Reach(frozenset(self.ids[name] for name in names))

    def made(self, targeting=ALL, reach=EVERYWHERE, *, allow_missing=False):
        request = self.requests.create(targeting, allow_missing=allow_missing, reach=reach)
        self.world.settle()
        return request

    def nodes_of(self, request):
        return {str(row["node_id"]) for row in self.world.driver.rows(NODE_UPDATES) if row["request_id"] == request.id}

    def listed(self, reach, **filters):
        page = self.requests.list_page(ListRequest(filters=filters), reach=reach)
        return {request.id for request in page.items}, page.total_count

    def shown(self, request, reach):
        page = self.world.fleet.updates.outcomes.page_of_nodes(request.id, ListRequest(), reach=reach)
        return {row.node_id for row in page.items}, page.total_count


@pytest.fixture
def scene():
    return Scene()


def refusal(call, *arguments, **options):
    with pytest.raises(EdgeError) as raised:
        call(*arguments, **options)
    return raised.value


def test_update_request_for_all_of_a_restricted_caller_reaches_its_clusters(scene):
    request = scene.made(reach=scene.reach("north", "east"))
    assert scene.nodes_of(request) == {machine.id for machine in scene.north}
    assert request.targeting.shown(scene.reach("north", "east")) == {
        "type": "clusters",
        "cluster_names": ["north", "east"],
    }


def test_update_request_for_a_node_outside_the_reach_is_refused_as_unknown(scene):
    nowhere = "01900000-0000-7000-8000-000000000000"
    said = []
    for node_id, reach in ((scene.south[0].id, scene.reach("north")), (nowhere, EVERYWHERE)):
        error = refusal(scene.made, Targeting(type=TargetType.NODES, node_ids=(node_id,)), reach)
        said.append((error.kind, str(error.details).replace(node_id, "…")))
    assert said[0] == said[1]


def test_update_request_and_its_nodes_are_seen_as_far_as_they_are_within_reach(scene):
    request = scene.made()
    north, south = ({machine.id for machine in some} for some in (scene.north, scene.south))
    assert scene.shown(request, scene.reach("north")) == (north, 2)
    assert scene.shown(request, scene.reach("south")) == (south, 1)
    assert scene.shown(request, scene.reach("north", "south")) == (north | south, 3)
    assert scene.listed(scene.reach("south")) == ({request.id}, 1)
    for names in (("east",), ()):
        reach = scene.reach(*names)
        assert scene.listed(reach) == (set(), 0)
        assert refusal(scene.requests.get, request.id, reach=reach).kind is Kind.NOT_FOUND
        assert refusal(scene.requests.delete, request.id, reach=reach).kind is Kind.NOT_FOUND
        assert refusal(scene.shown, request, reach).kind is Kind.NOT_FOUND


def test_summary_of_an_update_request_counts_the_nodes_within_reach(scene):
    request = scene.made()
    check(scene.world, scene.north[0])
    sweep(scene.world, DEADLINE_SECONDS)
    whole = scene.requests.get(request.id, reach=EVERYWHERE).summary
    part = scene.requests.get(request.id, reach=scene.reach("north")).summary
    assert whole is not None
    assert part is not None
    assert (whole.total, whole.triggered, whole.failed) == (3, 1, 2)
    assert (part.total, part.triggered, part.failed) == (2, 1, 1)
    assert scene.requests.get(request.id, reach=scene.reach("north", "south")).summary == whole
    page = scene.requests.list_page(ListRequest(), reach=scene.reach("north"))
    assert [row.summary for row in page.items] == [None]


def test_update_request_that_is_partly_out_of_reach_is_not_deleted(scene):
    request = scene.made()
    sweep(scene.world, DEADLINE_SECONDS)
    error = refusal(scene.requests.delete, request.id, reach=scene.reach("north"))
    assert (error.kind, error.message) == (Kind.FORBIDDEN, partly_out_of_reach().message)
    assert scene.world.driver.rows(REQUESTS)
    scene.requests.delete(request.id, reach=scene.reach("north", "south"))
    scene.world.settle()
    assert scene.world.driver.rows(NODE_UPDATES) == []


def test_old_update_request_without_clusters_is_hidden_from_restricted_callers(scene):
    request = scene.made()
    rows = scene.world.driver.rows(REQUESTS)
    scene.world.driver.load(REQUESTS, [{name: row[name] for name in row if name != "cluster_ids"} for row in rows])
    assert scene.listed(scene.reach("north")) == (set(), 0)
    assert scene.requests.get(request.id, reach=EVERYWHERE).id == request.id


def test_event_of_an_update_request_does_not_tell_the_reach_of_its_writer(scene):
    scene.made(reach=scene.reach("north"))
    sweep(scene.world, DEADLINE_SECONDS)
    (data,) = events(scene.world, "edge.self_update_request.completed").values()
    assert data["targeting"] == {"type": "clusters", "cluster_names": ["north"]}
