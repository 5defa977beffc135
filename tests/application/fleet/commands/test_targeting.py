"""A command reaches exactly the nodes that lists with the same filters show."""

from datetime import timedelta

import pytest

from chalicelib.fleet.api.operator.targeting import ClusterFilters, NodeFilters
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS
from chalicelib.fleet.nodes.model import IdType, Status
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.targeting.selection import CLUSTER_FIELDS, NODE_FIELDS, SLICE, parts_of, without_repetitions
from chalicelib.kit.errors import BLANK, EdgeError, at_most_bytes
from chalicelib.kit.listing import ListRequest, filter_names
from tests.application.fleet.commands.fleet import a_node, command, executions, fan_out, nodes, reached
from tests.support.builders import a_cluster
from tests.support.world import World

NODE_FILTERS = [
    {},
    {"status": "healthy"},
    {"status": "unreachable", "id_type": "random"},
    {"id_type": "persistent"},
    {"cluster_name": "north"},
    {"cluster_name": "n*"},
    {"cluster_name": "north, south"},
    {"version": "1.*"},
    {"version": "1.0.0,2.1.0"},
    {"self_update_enabled": True},
    {"self_update_enabled": False, "version": "2.*"},
    {"last_seen_at__gte": "2026-11-21T10:00:00Z"},
    {"last_seen_at__lte": "2026-11-20"},
    {"inserted_at__gte": "2026-11-21T09:30:00Z"},
    {"inserted_at__lte": "2026-11-21", "updated_at__gte": "2026-11-01"},
    {"status": "unhealthy", "version": "9.9"},
]

CLUSTER_FILTERS = [
    {"name": "north"},
    {"name": "*th"},
    {"name": "south,east"},
    {"ipv4_range": "100.64.0.0/24"},
    {"has_node_limit": True},
    {"has_node_limit": False, "name": "n*"},
    {"node_count__gte": 0},
    {"node_count": 1},
    {"inserted_at__lte": "2026-11-20"},
]


@pytest.fixture
def world() -> World:
    """Three clusters, 36 nodes of many kinds, of which one index partition has several pages."""
    world = World()
    clusters = [a_cluster(world, "north"), a_cluster(world, "south", node_limit=50), a_cluster(world, "east")]
    versions = ["1.0.0", "1.2.0", "2.1.0"]
    seen = ["2026-11-21T10:00:00Z", "2026-11-20T12:00:00Z"]
    for place in range(36):
        a_node(
            world,
            clusters[place % 3],
            status=list(Status)[place % 4 % 3],
            id_type=list(IdType)[place // 3 % 2],
            agent_version=versions[place // 5 % 3],
            self_update_enabled=place % 7 == 0,
            last_seen_at=seen[place // 2 % 2],
            inserted_at="2026-11-21T09:00:00Z" if place < 10 else "2026-11-21T10:00:00Z",
        )
    return world


def listed(world, filters):
    """Every node that the list with these filters shows."""
    page = world.fleet.nodes.reading.list_page(ListRequest(page_size=100, filters=filters), reach=EVERYWHERE)
    return {view.node.id for view in page.items}


def clusters_listed(world, filters):
    page = world.fleet.clusters.list_page(ListRequest(page_size=100, filters=filters), reach=EVERYWHERE)
    return [cluster.name for cluster in page.items]


def of_clusters(world, names):
    rows = world.fleet.nodes.reading.list_page(ListRequest(page_size=100), reach=EVERYWHERE).items
    return {view.node.id for view in rows if view.node.cluster_name in names}


@pytest.mark.parametrize("filters", NODE_FILTERS, ids=str)
class TestNodeFilters:
    def test_node_filters_on_all_nodes_match_the_list(self, world, filters):
        fan_out(world, command(world, "all", node_filters=filters))
        assert reached(world) == listed(world, filters)

    def test_node_filters_on_named_nodes_match_the_list(self, world, filters):
        chosen = sorted(listed(world, {}))[::2]
        fan_out(world, command(world, "nodes", node_ids=tuple(chosen), node_filters=filters))
        assert reached(world) == listed(world, filters) & set(chosen)

    def test_node_filters_on_named_clusters_match_the_list(self, world, filters):
        fan_out(world, command(world, "clusters", cluster_names=("north", "east"), node_filters=filters))
        assert reached(world) == listed(world, filters) & of_clusters(world, {"north", "east"})


@pytest.mark.parametrize("filters", CLUSTER_FILTERS, ids=str)
class TestClusterFilters:
    def test_cluster_filters_on_all_nodes_match_the_list(self, world, filters):
        fan_out(world, command(world, "all", cluster_filters=filters))
        assert reached(world) == of_clusters(world, clusters_listed(world, filters))

    def test_cluster_filters_on_named_nodes_match_the_list(self, world, filters):
        chosen = sorted(listed(world, {}))[::2]
        fan_out(world, command(world, "nodes", node_ids=tuple(chosen), cluster_filters=filters))
        assert reached(world) == of_clusters(world, clusters_listed(world, filters)) & set(chosen)

    def test_cluster_filters_on_named_clusters_match_the_list(self, world, filters):
        names = ("south", "north")
        fan_out(world, command(world, "clusters", cluster_names=names, cluster_filters=filters))
        assert reached(world) == of_clusters(world, set(names) & set(clusters_listed(world, filters)))


def test_node_and_cluster_filters_must_both_match(world):
    node_filters, cluster_filters = {"version": "1.*"}, {"name": "*th"}
    fan_out(world, command(world, "all", node_filters=node_filters, cluster_filters=cluster_filters))
    assert reached(world) == listed(world, {**node_filters, "cluster_name": "*th"})
    assert reached(world)


def test_targeting_filters_are_those_of_the_contract():
    dates = {"inserted_at__gte", "inserted_at__lte", "updated_at__gte", "updated_at__lte"}
    assert set(NodeFilters.model_fields) == dates | {
        *("id_type", "status", "status__in", "cluster_name", "version", "self_update_enabled"),
        *("last_seen_at__gte", "last_seen_at__lte"),
        *("hostname", "os_name", "architecture", "labels"),  # ours
    }
    assert set(ClusterFilters.model_fields) == dates | {
        *(
            "name",
            "name__in",
            "ipv4_range",
            "ipv6_range",
            "node_count",
            "node_count__gte",
            "node_count__lte",
            "has_node_limit",
        ),
    }


def test_targeting_filters_are_a_subset_of_list_filters():
    assert set(NodeFilters.model_fields) == filter_names(NODE_FIELDS)
    assert set(ClusterFilters.model_fields) <= filter_names(CLUSTER_FIELDS)


def test_narrow_filter_reads_on_within_one_message(world):
    nodes(world, 600, agent_version="3.0.0")
    fan_out(world, command(world, "all", node_filters={"version": "1.0.0"}))
    assert reached(world) == listed(world, {"version": "1.0.0"})


class TestNames:
    def test_repeated_node_ids_are_dropped_and_allowed_unknown_ids_skipped(self, world):
        (first, second, *_) = sorted(listed(world, {}))
        unknown = "01900000-0000-7000-8000-000000000000"
        made = command(world, "nodes", node_ids=(first, second, first, unknown), allow_missing=True)
        assert made.targeting.node_ids == (first, second, unknown)
        fan_out(world, made)
        assert reached(world) == {first, second}

    def test_unknown_cluster_names_are_skipped_if_allowed(self, world):
        names = ("north", "nowhere", "", "Not A Name", "x" * 3000)
        fan_out(world, command(world, "clusters", cluster_names=names, allow_missing=True))
        assert reached(world) == of_clusters(world, {"north"})

    def test_targeting_only_unknown_clusters_leaves_no_due_work(self, world):
        made = command(world, "clusters", cluster_names=("nowhere",), allow_missing=True)
        row = world.driver.row(FAN_OUTS, {"command_id": made.id})
        assert row is not None
        assert {"parts", "due", "due_at"} & row.keys() == set()

    def test_two_hundred_named_nodes_are_all_reached(self, world):
        wanted = [node.id for node in nodes(world, 200)]
        made = command(world, "nodes", node_ids=tuple(wanted))
        fan_out(world, made)
        assert reached(world) == set(wanted)

    def test_cluster_created_later_under_the_name_is_not_reached(self, world):
        made = command(world, "clusters", cluster_names=("lonely", "north"), allow_missing=True)
        a_cluster(world, "lonely")
        fan_out(world, made)
        assert reached(world) == of_clusters(world, {"north"})


class TestTargetCluster:
    def names(self, world):
        return {row.get("target_cluster_name") for row in executions(world)}

    def test_execution_shows_its_single_named_target_cluster(self, world):
        fan_out(world, command(world, "clusters", cluster_names=("north", "nowhere"), allow_missing=True))
        assert self.names(world) == {"north"}

    def test_execution_shows_the_only_cluster_left_by_cluster_filters(self, world):
        made = command(world, "clusters", cluster_names=("north", "south"), cluster_filters={"has_node_limit": True})
        fan_out(world, made)
        assert self.names(world) == {"south"}

    def test_execution_for_two_target_clusters_shows_none(self, world):
        fan_out(world, command(world, "clusters", cluster_names=("north", "south")))
        assert self.names(world) == {None}

    def test_execution_targeted_at_all_shows_no_target_cluster(self, world):
        fan_out(world, command(world, "all", cluster_filters={"name": "north"}))
        assert self.names(world) == {None}
        assert {row["node_cluster_name"] for row in world.driver.rows(EXECUTIONS)} == {"north"}


class TestParts:
    def test_parts_of_node_targeting_are_slices_of_ids(self):
        ids = tuple(str(place) for place in range(SLICE * 2 + 1))
        wanted = Targeting(type=TargetType.NODES, node_ids=ids)
        assert parts_of(wanted, []) == {"nodes#0", "nodes#1", "nodes#2"}

    def test_parts_of_all_targeting_are_the_shards(self):
        assert parts_of(Targeting(type=TargetType.ALL), []) == {f"shard#{shard}" for shard in range(4)}

    def test_targeting_without_lists_is_left_unchanged(self):
        assert without_repetitions(Targeting(type=TargetType.ALL)) == Targeting(type=TargetType.ALL)


class TestRefusals:
    def refused(self, world, kind="all", **fields):
        with pytest.raises(EdgeError) as caught:
            command(world, kind, **fields)
        return caught.value.details

    def test_node_targeting_without_ids_is_refused(self, world):
        expected = {"node_ids": ["is required when targeting_type is 'nodes'"]}
        assert self.refused(world, "nodes") == self.refused(world, "nodes", node_ids=()) == expected

    def test_cluster_targeting_without_names_is_refused(self, world):
        expected = {"cluster_names": ["is required when targeting_type is 'clusters'"]}
        assert self.refused(world, "clusters") == self.refused(world, "clusters", cluster_names=()) == expected

    @pytest.mark.parametrize("blank", ["", " ", ",", " , "])
    @pytest.mark.parametrize(("place", "name"), [("node_filters", "version"), ("cluster_filters", "name")])
    def test_blank_text_filter_is_refused(self, world, place, name, blank):
        details = self.refused(world, **{place: {name: blank}})
        assert list(details) == [f"targeting/{place}/{name}"]
        assert repr(blank) in details[f"targeting/{place}/{name}"][0]

    @pytest.mark.parametrize(
        ("kind", "named"),
        [
            ("all", {"node_ids": ("a",)}),
            ("all", {"cluster_names": ("north",)}),
            ("nodes", {"node_ids": ("a",), "cluster_names": ("north",)}),
            ("clusters", {"cluster_names": ("north",), "node_ids": ("a",)}),
        ],
    )
    def test_targeting_list_unused_by_its_type_is_refused(self, world, kind, named):
        ((field, (text,)),) = self.refused(world, kind, **named).items()
        assert field.removeprefix("targeting/") in named
        assert f"is not looked at when type is '{kind}'" in text

    def test_refusal_of_a_command_names_all_errors(self, world):
        assert self.refused(world, "nodes", text=" \n", expired_at=world.clock.now()) == {
            "command_text": [BLANK],
            "expired_at": ["must be in the future"],
            "node_ids": ["is required when targeting_type is 'nodes'"],
        }

    def test_command_text_limit_counts_bytes(self, world):
        command(world, text="é" * 65_535)
        assert self.refused(world, text="é" * 65_536) == {"command_text": [at_most_bytes(131_071)]}

    def test_targeting_above_the_size_limit_is_refused(self, world):
        name = "x" * 205_000
        assert self.refused(world, node_filters={"version": name}) == {"targeting": [at_most_bytes(204_800)]}

    def test_largest_allowed_command_is_stored(self, world):
        ids = tuple(f"01900000-0000-7000-8000-{place:012d}" for place in range(2000))
        made = command(world, "nodes", "x" * 131_071, node_ids=ids, allow_missing=True)
        assert world.fleet.commands.registry.get_with_progress(made.id, reach=EVERYWHERE)[0] == made.model_copy(
            update={"version": 1}
        )

    def test_refused_command_writes_nothing(self, world):
        self.refused(world, "nodes")
        assert world.driver.rows(FAN_OUTS) == []


def test_default_deadline_setting_applies_unless_a_deadline_is_given():
    world = World(command_default_deadline=600)
    assert command(world).expired_at == "2026-11-21T10:10:00Z"
    own = world.clock.now() + timedelta(seconds=5)
    assert command(world, expired_at=own).expired_at == "2026-11-21T10:00:05Z"


def test_command_deadline_is_one_day_by_default_and_can_be_disabled(world):
    assert command(world).expired_at == "2026-11-22T10:00:00Z"
    assert command(world, never_expires=True).expired_at is None
    assert command(World(command_default_deadline=0)).expired_at is None


class TestMissing:
    def missing(self, world, kind, **fields):
        before = world.driver.snapshot()
        with pytest.raises(EdgeError) as caught:
            command(world, kind, **fields)
        assert world.driver.snapshot() == before
        return caught.value.details

    def test_refusal_names_unknown_nodes(self, world):
        known, unknown = min(listed(world, {})), "01900000-0000-7000-8000-000000000000"
        assert self.missing(world, "nodes", node_ids=(known, unknown)) == {
            "targeting/node_ids": [
                f"there is no node '{unknown}'",
                "allow_missing: true passes over what does not exist",
            ]
        }

    def test_refusal_names_at_most_ten_unknown_nodes(self, world):
        ids = tuple(f"01900000-0000-7000-8000-{place:012d}" for place in range(250))
        world.platform.tables.meter.reset()
        texts = self.missing(world, "nodes", node_ids=ids)["targeting/node_ids"]
        assert (len(texts), texts[10]) == (12, "and 240 more")
        assert world.platform.tables.meter.count == 3

    def test_refusal_names_unknown_clusters(self, world):
        details = self.missing(world, "clusters", cluster_names=("north", "nort", "Not A Name"))
        assert details["targeting/cluster_names"][:2] == [
            "there is no cluster 'nort'",
            "there is no cluster 'Not A Name'",
        ]

    def test_cluster_excluded_by_filters_is_not_reported_missing(self, world):
        fan_out(world, command(world, "clusters", cluster_names=("north",), cluster_filters={"name": "south"}))
        assert reached(world) == set()

    def test_newly_enrolled_node_is_found_despite_index_lag(self, world):
        world.driver.index_lag(30)
        node = a_node(world)
        made = command(world, "nodes", node_ids=(node.id,))
        fan_out(world, made)
        assert node.id in reached(world)
