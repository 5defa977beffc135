"""Aliases over the fake: uniqueness, their copy on the node, and that no name outlives what it names."""

from functools import partial
from typing import Any

import pytest

from chalicelib.fleet.aliases.model import MOST_PER_NODE
from chalicelib.fleet.aliases.rules import too_many
from chalicelib.fleet.aliases.store import TABLE as ALIASES
from chalicelib.fleet.mesh.queues import VPN
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.vpn.port import Member, Network
from chalicelib.fleet.vpn.registry import Registry
from chalicelib.kit.errors import EdgeError, Kind, conflict, taken, unavailable
from tests.support.builders import a_cluster, a_registration, machines
from tests.support.world import World

NOBODY = "00000000-0000-4000-8000-000000000000"


class Mesh(Registry):
    """Knows names by network; ``refusal`` is raised by every call about names. Networks and hosts take care of
    themselves."""

    def __init__(self) -> None:
        self.names: dict[tuple[str, str], str] = {}
        self.refusal: EdgeError | None = None

    def make_network(self, network: Network) -> bool:
        return False

    def require_answer(self, cluster_name: str) -> None:
        self._answer()

    def require_address(self, member: Member) -> None:
        self._answer()

    def record_name(self, name: str, member: Member) -> None:
        self._answer()
        self.names[member.cluster_name, name] = member.node_id

    def forget_name(self, name: str, cluster_name: str) -> None:
        self._answer()
        self.names.pop((cluster_name, name), None)

    def _answer(self) -> None:
        if self.refusal is not None:
            raise self.refusal


@pytest.fixture
def world() -> Any:
    world: Any = World(vpn_mode="netmaker", netmaker_api_url="http://mesh.test")
    world.mesh = world.fleet.vpn = world.fleet.mesh.netmaker = Mesh()
    a_cluster(world, "north")
    a_cluster(world, "south")
    world.one, world.two = machines(world, 2)
    world.aliases = world.fleet.aliases
    return world


def names_of(world, node_id):
    return [alias.name for alias in world.fleet.nodes.reading.get(node_id, reach=EVERYWHERE).node.aliases]


def rows(world):
    return sorted((row["cluster_name"], row["name"], row["node_id"]) for row in world.driver.rows(ALIASES))


def refused(call, *arguments) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        call(*arguments)
    return caught.value


def test_created_alias_is_stored_and_copied_to_its_node(world):
    alias = world.aliases.create(world.one.id, "web", reach=EVERYWHERE)

    assert world.aliases.get(alias.id, reach=EVERYWHERE) == alias
    assert alias.vpn_hostname("nm.internal") == "node-web.cluster-north.nm.internal"
    assert [
        (one.id, one.name) for one in world.fleet.nodes.reading.get(world.one.id, reach=EVERYWHERE).node.aliases
    ] == [(alias.id, "web")]


def test_alias_creation_takes_one_read_and_one_transaction(world):
    world.platform.tables.meter.reset()
    world.aliases.create(world.one.id, "web", reach=EVERYWHERE)

    assert [call.operation for call in world.platform.tables.meter.calls] == ["BatchGetItem", "TransactWriteItems"]


def test_alias_name_is_unique_within_its_cluster_only(world):
    (southern,) = machines(world, 1, "south")
    world.aliases.create(world.one.id, "web", reach=EVERYWHERE)

    assert (
        refused(partial(world.aliases.create, reach=EVERYWHERE), world.two.id, "web").message == taken("name").message
    )
    assert (
        refused(partial(world.aliases.create, reach=EVERYWHERE), world.one.id, "web").message == taken("name").message
    )
    assert world.aliases.create(southern.id, "web", reach=EVERYWHERE).cluster_name == "south"
    assert names_of(world, world.two.id) == []


@pytest.mark.parametrize("name", ["", "Web", "-web", "web-", "a.b", "a" * 64, "web\n", NOBODY])
def test_invalid_alias_name_is_refused(world, name):
    error = refused(partial(world.aliases.create, reach=EVERYWHERE), world.one.id, name)

    assert (error.kind, list(error.details)) == (Kind.VALIDATION_FAILED, ["name"])
    assert rows(world) == []


def test_alias_of_unknown_node_is_not_found(world):
    assert refused(partial(world.aliases.create, reach=EVERYWHERE), NOBODY, "web").kind is Kind.NOT_FOUND


def test_alias_beyond_the_limit_per_node_is_a_conflict(world):
    for number in range(MOST_PER_NODE):
        world.aliases.create(world.one.id, f"a-{number}", reach=EVERYWHERE)

    error = refused(partial(world.aliases.create, reach=EVERYWHERE), world.one.id, "one-more")

    assert (error.kind, error.message) == (Kind.CONFLICT, too_many(MOST_PER_NODE).message)
    assert len(rows(world)) == MOST_PER_NODE


def test_concurrent_aliases_of_one_node_are_both_kept(world):
    def faster() -> None:
        world.aliases.create(world.one.id, "first", reach=EVERYWHERE)

    world.driver.before_next(faster, operation="TransactWriteItems", table=NODES)
    world.aliases.create(world.one.id, "second", reach=EVERYWHERE)

    assert names_of(world, world.one.id) == ["first", "second"]


def test_concurrent_aliases_of_one_name_keep_the_first(world):
    world.driver.before_next(
        lambda: world.aliases.create(world.two.id, "web", reach=EVERYWHERE),
        operation="TransactWriteItems",
        table=ALIASES,
    )

    assert (
        refused(partial(world.aliases.create, reach=EVERYWHERE), world.one.id, "web").message == taken("name").message
    )
    assert rows(world) == [("north", "web", world.two.id)]
    assert names_of(world, world.one.id) == []


def test_alias_creation_with_a_lost_answer_creates_one_alias(world):
    world.driver.fail_next(1, "lost_answer", operation="TransactWriteItems", table=ALIASES)

    world.aliases.create(world.one.id, "web", reach=EVERYWHERE)

    assert names_of(world, world.one.id) == ["web"]


def test_alias_of_a_moving_node_is_created_in_its_new_cluster(world):
    world.driver.before_next(
        lambda: world.fleet.nodes.placing.change_cluster(world.one.id, "south", reach=EVERYWHERE),
        operation="TransactWriteItems",
        table=NODES,
    )

    assert world.aliases.create(world.one.id, "web", reach=EVERYWHERE).cluster_name == "south"
    assert rows(world) == [("south", "web", world.one.id)]


def test_deleted_alias_leaves_its_node_and_frees_its_name(world):
    alias = world.aliases.create(world.one.id, "web", reach=EVERYWHERE)
    kept = world.aliases.create(world.one.id, "db", reach=EVERYWHERE)
    world.aliases.delete(alias.id, reach=EVERYWHERE)

    assert refused(partial(world.aliases.get, reach=EVERYWHERE), alias.id).kind is Kind.NOT_FOUND
    assert refused(partial(world.aliases.delete, reach=EVERYWHERE), alias.id).kind is Kind.NOT_FOUND
    assert names_of(world, world.one.id) == ["db"]
    assert world.aliases.create(world.two.id, "web", reach=EVERYWHERE).name == "web"
    assert world.aliases.get(kept.id, reach=EVERYWHERE).name == "db"


def test_concurrent_alias_deletions_both_succeed(world):
    alias = world.aliases.create(world.one.id, "web", reach=EVERYWHERE)
    world.driver.before_next(
        lambda: world.aliases.delete(alias.id, reach=EVERYWHERE), operation="TransactWriteItems", table=ALIASES
    )
    world.aliases.delete(alias.id, reach=EVERYWHERE)

    assert rows(world) == []


def test_moved_node_at_the_alias_limit_loses_all_aliases(world):
    for number in range(MOST_PER_NODE):
        world.aliases.create(world.one.id, f"a-{number}", reach=EVERYWHERE)
    view = world.fleet.nodes.placing.change_cluster(world.one.id, "south", reach=EVERYWHERE)

    assert (view.node.aliases, names_of(world, world.one.id), rows(world)) == ((), [], [])


def test_alias_created_during_a_move_is_removed_by_the_move(world):
    world.driver.before_next(
        lambda: world.aliases.create(world.one.id, "web", reach=EVERYWHERE), operation="TransactWriteItems", table=NODES
    )
    world.fleet.nodes.placing.change_cluster(world.one.id, "south", reach=EVERYWHERE)

    assert (names_of(world, world.one.id), rows(world)) == ([], [])


def test_node_deletion_removes_its_aliases(world):
    world.aliases.create(world.one.id, "web", reach=EVERYWHERE)
    world.aliases.create(world.two.id, "db", reach=EVERYWHERE)
    world.fleet.nodes.placing.delete(world.one.id, reach=EVERYWHERE)

    assert rows(world) == [("north", "db", world.two.id)]


def test_aliases_survive_reregistration_except_in_another_cluster(world):
    services = world.fleet
    world.aliases.create(world.one.id, "web", reach=EVERYWHERE)
    returned = services.nodes.registering.register(a_registration(world.one.id, "north"), None, world.one.token)
    assert names_of(world, world.one.id) == ["web"]

    key = services.enrollment.create("south", {"uses_remaining": None}, reach=EVERYWHERE)
    token = services.enrollment.verify(services.enrollment.reveal(key).reveal(), world.one.id).registration_token
    services.nodes.registering.register(a_registration(world.one.id, "south"), token, returned.secrets.api_token)

    assert (names_of(world, world.one.id), rows(world)) == ([], [])


@pytest.mark.parametrize(
    "refusal", [conflict("Node is not enrolled in the VPN network."), unavailable()], ids=["not a member", "down"]
)
def test_alias_refused_by_the_mesh_is_not_written(world, refusal):
    world.mesh.refusal = refusal

    assert refused(partial(world.aliases.create, reach=EVERYWHERE), world.one.id, "web") is refusal
    assert (rows(world), names_of(world, world.one.id)) == ([], [])


def test_mesh_names_follow_creation_and_removal_of_aliases(world):
    alias = world.aliases.create(world.one.id, "web", reach=EVERYWHERE)
    world.aliases.create(world.one.id, "db", reach=EVERYWHERE)
    world.settle(twice=True)
    assert world.mesh.names == {("north", "web"): world.one.id, ("north", "db"): world.one.id}

    world.aliases.delete(alias.id, reach=EVERYWHERE)
    world.settle(twice=True)
    assert world.mesh.names == {("north", "db"): world.one.id}

    world.fleet.nodes.placing.change_cluster(world.one.id, "south", reach=EVERYWHERE)
    world.settle()
    assert world.mesh.names == {}


def test_mesh_name_reused_by_another_node_points_to_that_node(world):
    alias = world.aliases.create(world.one.id, "web", reach=EVERYWHERE)
    world.aliases.delete(alias.id, reach=EVERYWHERE)
    world.aliases.create(world.two.id, "web", reach=EVERYWHERE)
    world.settle(twice=True)

    assert world.mesh.names == {("north", "web"): world.two.id}


def test_mesh_name_is_retried_after_an_outage(world):
    world.aliases.create(world.one.id, "web", reach=EVERYWHERE)
    for batch in world.relay_batches():
        world.call("chalicelib.platform.workers.relay_changes.handler", {"Records": batch})
    message = next(each for each in world.queue_client.take(VPN) if each["kind"] == "alias")
    world.mesh.refusal = unavailable()

    arguments = (message["cluster_name"], message["id"], message["name"])
    assert refused(world.aliases.settle_name, *arguments).kind is Kind.UNAVAILABLE

    world.mesh.refusal = None
    world.aliases.settle_name(*arguments)
    assert world.mesh.names == {("north", "web"): world.one.id}


def test_alias_counter_follows_creations_and_deletions(world):
    first = world.aliases.create(world.one.id, "web", reach=EVERYWHERE)
    world.aliases.create(world.two.id, "db", reach=EVERYWHERE)
    world.aliases.delete(first.id, reach=EVERYWHERE)
    world.settle(twice=True)

    assert world.platform.counters.read("aliases") == 1
