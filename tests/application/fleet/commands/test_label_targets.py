"""Commands and updates for labels: their nodes are found by terms, without reading the others."""

import pytest

from chalicelib.fleet.commands.store import EXECUTIONS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.nodes.term_store import NODE_TERMS
from chalicelib.fleet.targeting import selection
from chalicelib.fleet.targeting.model import Targeting, TargetType
from tests.support.builders import a_cluster, machines
from tests.support.callers import operator
from tests.support.terms import forget_state
from tests.support.world import World

COUNT = 120
UNTIL = "2099-01-01T00:00:00Z"
API = "/api/v1"


@pytest.fixture
def world():
    """Machines of two clusters, of which every tenth is a till, and all are in production."""
    world = World()
    for name in ("north", "south"):
        a_cluster(world, name)
        for tills in (True, False):
            labels = {"env": "prod", **({"role": "till"} if tills else {})}
            machines(world, COUNT // 20 if tills else COUNT // 2 - COUNT // 20, name, agent_labels=labels)
    return world


def tills_in(world, *clusters):
    rows = world.driver.rows(NODES)
    return sorted(row["id"] for row in rows if "role" in row["labels"] and row["cluster_name"] in clusters)


def targeting(world, *clusters, labels="env:prod,role:till"):
    kind = TargetType.CLUSTERS if clusters else TargetType.ALL
    return Targeting(type=kind, cluster_names=clusters or None, node_filters={"labels": labels})


def parts(world, wanted):
    found = selection.clusters_by_name(wanted, world.fleet.clusters)
    return sorted(selection.parts_of(wanted, found))


def walk(world, wanted, size=2, between=lambda: None):
    """The nodes of all parts, page by page."""
    nodes, clusters = world.fleet.nodes.reading, world.fleet.clusters
    chosen = []
    for part in parts(world, wanted):
        cursor = None
        while True:
            page = selection.page_of_part(nodes, wanted, part, cursor, UNTIL, size)
            chosen += [node.id for node in selection.select(page.nodes, wanted, nodes, clusters)]
            cursor = page.cursor
            if cursor is None:
                break
            between()
    return chosen


@pytest.mark.parametrize("clusters", [(), ("south",), ("north", "south")], ids=str)
def test_fan_out_by_labels_meets_each_node_once_and_reads_no_other_row(world, clusters):
    wanted = targeting(world, *clusters)
    walk(world, wanted)
    world.driver.meter.reset()
    found = walk(world, wanted)

    assert sorted(found) == tills_in(world, *(clusters or ("north", "south")))
    rows = sum(call.read_units for call in world.driver.meter.calls if call.table == "nodes")
    assert rows <= 1.5 * len(found), "each row is read once, consistently"


@pytest.mark.parametrize("clusters", [(), ("north", "south")], ids=str)
def test_fan_out_that_began_before_the_terms_were_whole_goes_on(world, clusters):
    forget_state(world.driver)
    wanted = targeting(world, *clusters)
    state = {"term_shard": "state", "position": "fill", "asked_at": UNTIL, "done_at": UNTIL}

    def becomes_whole():
        world.driver.load(NODE_TERMS, [state])
        world.clock.advance(10)

    assert sorted(walk(world, wanted, between=becomes_whole)) == tills_in(world, "north", "south")


@pytest.mark.parametrize("clusters", [(), ("north", "south")], ids=str)
def test_fan_out_by_terms_goes_on_when_their_state_is_removed(world, clusters):
    wanted = targeting(world, *clusters)

    def removed():
        forget_state(world.driver)
        world.clock.advance(700)

    assert sorted(walk(world, wanted, between=removed)) == tills_in(world, "north", "south")


def test_whole_fleet_by_labels_is_those_that_have_them(world):
    wanted = targeting(world)
    page = selection.whole_fleet(world.fleet.nodes.reading, wanted, 100, UNTIL)

    assert sorted(node.id for node in page.nodes) == tills_in(world, "north", "south")
    assert selection.whole_fleet(world.fleet.nodes.reading, targeting(world, labels="env:prod"), 1, UNTIL) is None


def test_command_for_labels_reaches_its_nodes_alone(world):
    client = operator(world)
    body = {"command_text": "true", "targeting": {"type": "all", "node_filters": {"labels": "role:till,env:prod"}}}
    assert client.post(f"{API}/commands", json=body).status == 201
    world.settle()

    reached = sorted(str(row["node_id"]) for row in world.driver.rows(EXECUTIONS))
    assert reached == tills_in(world, "north", "south")
