"""A command reaches exactly the nodes that lists with the same filters show: over HTTP, with 1 and with 1,000 nodes.

`tests/application/fleet/commands/test_targeting.py` tries every filter on a small fleet; here are a few, through
routes, relay and queues, and on a fleet of which every index partition has several pages.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS, SHARDS, command_shard
from chalicelib.fleet.nodes.model import IdType, Status
from chalicelib.fleet.nodes.store import PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.kit.tables import Query, Set, Update
from tests.application.fleet.commands.fleet import a_node
from tests.support.callers import operator
from tests.support.client import Client
from tests.support.world import World

Filters = Mapping[str, Any]

CLUSTER_NAMES = ("north", "south", "east")
LARGE = 1000

NODE_FILTERS: list[Filters] = [
    {},
    {"status": "unreachable"},
    {"version": "1.*", "self_update_enabled": True},
    {"cluster_name": "*th", "last_seen_at__gte": "2026-11-22"},
    {"id_type": "random", "inserted_at__lte": "2026-11-21T09:30:00Z"},
    {"version": "9.9"},
]

CLUSTER_FILTERS: list[Filters] = [
    {"name": "s*,east"},
    {"has_node_limit": True},
    {"node_count__gte": 1000},
]

BOTH: list[tuple[Filters, Filters]] = [
    *((node_filters, {}) for node_filters in NODE_FILTERS),
    *(({}, cluster_filters) for cluster_filters in CLUSTER_FILTERS),
    ({"status": "healthy"}, {"name": "north,east"}),
]


class Fleet:
    """Machines of many kinds in three clusters."""

    def __init__(self, count: int) -> None:
        self.world = World(reveal_node_secrets=False)
        self.client: Client = operator(self.world)
        self.ids: list[str] = []
        self._lists: dict[str, list[dict[str, Any]]] = {}
        for name in CLUSTER_NAMES:
            self.client.post("/api/v1/clusters", json={"name": name, "node_limit": 200 if name == "east" else None})
        clusters = [self.world.fleet.clusters.get(name, reach=EVERYWHERE) for name in CLUSTER_NAMES]
        for place in range(count):
            node = a_node(
                self.world,
                clusters[place % 3],
                status=list(Status)[place // 3 % 3],
                id_type=list(IdType)[place // 5 % 2],
                agent_version=("1.0.0", "1.2.0", "2.1.0")[place // 7 % 3],
                self_update_enabled=place % 11 == 0,
                last_seen_at="2026-11-20T12:00:00Z" if place % 13 == 1 else "2026-11-21T10:00:00Z",
                inserted_at="2026-11-21T09:00:00Z" if place % 4 == 1 else "2026-11-21T10:00:00Z",
            )
            self.ids.append(node.id)
            if place % 6 == 1:
                self._hear(node.id)
        list(self.world.relay_batches())  # the fleet stands; nobody is to be told

    def _hear(self, node_id: str) -> None:
        """A call of an agent is noted in its presence alone; the copy in the node's row stays behind."""
        heard = Update(PRESENCE, {"id": node_id}, (Set("last_seen_at", "2026-11-22T10:00:00Z"),))
        self.world.platform.tables.write(heard, "presence.seen")

    def listed(self, path: str, filters: Filters) -> list[dict[str, Any]]:
        """All pages of a list, read once: the fleet does not change."""
        known = f"{path}?{filters}"
        if known not in self._lists:
            self._lists[known] = self._read(path, filters)
        return self._lists[known]

    def _read(self, path: str, filters: Filters) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while True:
            query = {"page": len(rows) // 100 + 1, "page_size": 100, **_as_query(filters)}
            answer = self.client.get(f"/api/v1/{path}", query=query)
            assert answer.status == 200, answer.text
            rows += answer.data
            if len(answer.data) < 100:
                assert len(rows) == answer.json["meta"]["pagination"]["total_count"]
                return rows

    def expected(self, node_filters: Filters, cluster_filters: Filters) -> set[str]:
        """The nodes that the list of nodes shows, of the clusters that the list of clusters shows."""
        names = {row["name"] for row in self.listed("clusters", cluster_filters)}
        return {row["id"] for row in self.listed("nodes", node_filters) if row["cluster_name"] in names}

    def reached(self, kind: str, node_filters: Filters, cluster_filters: Filters, **targets: Any) -> set[str]:
        """The nodes with an execution of a new command, each once."""
        filters = {"node_filters": node_filters, "cluster_filters": cluster_filters}
        targeting = {"type": kind, **targets, **{name: value for name, value in filters.items() if value}}
        answer = self.client.post("/api/v1/commands", json={"command_text": "true", "targeting": targeting})
        assert answer.status == 201, answer.text
        self.world.settle()
        command_id = answer.data["id"]
        assert "parts" not in (self.world.driver.row(FAN_OUTS, {"command_id": command_id}) or {})
        index = EXECUTIONS.index("by_command")
        pages = (Query(EXECUTIONS, command_shard(command_id, shard), index) for shard in range(SHARDS))
        found = [str(row["node_id"]) for query in pages for row in self.world.driver.query(query).items]
        assert len(found) == len(set(found))
        return set(found)


def _as_query(filters: Filters) -> dict[str, str]:
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in filters.items()}


@pytest.fixture(scope="module", params=[1, LARGE])
def fleet(request) -> Fleet:
    return Fleet(request.param)


@pytest.mark.parametrize(("node_filters", "cluster_filters"), BOTH, ids=str)
class TestReach:
    def test_command_to_all_reaches_the_listed_nodes(self, fleet, node_filters, cluster_filters):
        expected = fleet.expected(node_filters, cluster_filters)
        assert fleet.reached("all", node_filters, cluster_filters) == expected

    def test_command_to_named_nodes_reaches_the_listed_nodes(self, fleet, node_filters, cluster_filters):
        named = fleet.ids[::3]
        expected = fleet.expected(node_filters, cluster_filters) & set(named)
        assert fleet.reached("nodes", node_filters, cluster_filters, node_ids=named) == expected

    def test_command_to_named_clusters_reaches_the_listed_nodes(self, fleet, node_filters, cluster_filters):
        names = ["south", "north"]
        inside = {row["id"] for row in fleet.listed("nodes", {"cluster_name": ",".join(names)})}
        expected = fleet.expected(node_filters, cluster_filters) & inside
        assert fleet.reached("clusters", node_filters, cluster_filters, cluster_names=names) == expected


def test_filter_cases_select_none_some_and_all_nodes(fleet):
    """Otherwise the comparisons above would prove little."""
    sizes = [len(fleet.expected(*both)) for both in BOTH]
    assert min(sizes) == 0
    assert max(sizes) == len(fleet.ids)
    assert len(fleet.ids) == 1 or len([size for size in sizes if 0 < size < len(fleet.ids)]) >= 6


def test_targeting_without_a_match_creates_nothing(fleet):
    position = fleet.world.driver.stream_position
    assert (
        fleet.reached("nodes", {}, {}, node_ids=["01900000-0000-7000-8000-000000000001"], allow_missing=True) == set()
    )
    assert fleet.reached("clusters", {}, {}, cluster_names=["nowhere"], allow_missing=True) == set()
    assert fleet.world.driver.records(EXECUTIONS, position) == []
