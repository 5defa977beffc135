"""The table of terms, on the fake and on the emulator alike: written with the rows, read instead of them."""

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from chalicelib.fleet.aliases.service import Aliases
from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.nodes.term_store import NODE_TERMS
from chalicelib.fleet.nodes.terming import AGAIN, REMEMBERED
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.vpn.registry import REGISTRY
from chalicelib.kit.listing import ListRequest, Lists
from chalicelib.kit.redrive import SETTLE
from chalicelib.kit.tables import Delete, Item, Query, Set, Update
from chalicelib.kit.tasks import TABLE as TASKS
from tests.support.declared import TABLES
from tests.support.drivers import BOTH, FAKE, emulated
from tests.support.terms import expected_terms
from tests.unit.fleet.nodes.world import World, node_id


@pytest.fixture(params=BOTH)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with nullcontext() if request.param == FAKE else emulated(request, TABLES) as driver:
        world = World(driver)
        world.cluster()
        world.cluster("beta")
        yield world


def rows_of(world: World) -> list[Item]:
    found = [world.tables.get(NODES, {"id": node_id(number)}) for number in range(6)]
    return [row for row in found if row is not None]


def stored(world: World) -> set[tuple[str, str, str]]:
    """Whatever stands where the entries of these nodes and of those before them may be."""
    found = set()
    for term_shard in {term for term, _, _ in EVER[id(world)] | expected_terms(rows_of(world))}:
        for entry in world.tables.query(Query(NODE_TERMS, term_shard)).items:
            found.add((str(entry["term_shard"]), str(entry["position"]), str(entry["cluster_term"])))
    return found


EVER: dict[int, set[tuple[str, str, str]]] = {}


@pytest.fixture(autouse=True)
def _remembered(world: World) -> Iterator[None]:
    EVER[id(world)] = set()
    yield
    del EVER[id(world)]


def check(world: World) -> None:
    """The entries are those of the rows as they are."""
    expected = expected_terms(rows_of(world))
    EVER[id(world)] |= expected
    assert stored(world) == expected


def found(world: World, **filters: str) -> list[str]:
    page = world.nodes.reading.list_page(ListRequest(filters=filters), reach=EVERYWHERE)
    return [view.node.id for view in page.items]


def make_old(world: World, number: int) -> None:
    """The row as an earlier release wrote it."""
    for term_shard, position, _ in expected_terms([row for row in rows_of(world) if row["id"] == node_id(number)]):
        world.tables.write(Delete(NODE_TERMS, {"term_shard": term_shard, "position": position}), "test")
    world.tables.write(Update(NODES, {"id": node_id(number)}, (Set("termed", None),)), "test")


def one_pass(world: World) -> None:
    cursor = world.nodes.terms.fill_chunk("fleet", None)
    while cursor is not None:
        cursor = world.nodes.terms.fill_chunk("fleet", cursor)


def test_entries_follow_a_node_through_its_life(world):
    registered = world.enrol(1, hostname="Till-3", agent_labels={"env": "test", "site": "kiel"})
    check(world)
    world.nodes.labelling.change(node_id(1), {"env": "prod", "site": None}, reach=EVERYWHERE)
    check(world)
    world.nodes.health.report(world.call(registered), Status.HEALTHY, {"hostname": "till-4"})
    check(world)
    world.nodes.placing.change_cluster(node_id(1), "beta", reach=EVERYWHERE)
    check(world)
    world.enrol(2, hostname="till-4")
    check(world)
    world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)
    check(world)
    world.newer_key()
    world.clock.advance(5)
    world.enrol(1, agent_labels={"env": "test"})
    check(world)


def test_alias_finds_its_node_until_it_is_taken_away(world):
    world.nodes.terms.keep()
    world.enrol(1)
    lists = Lists(world.tables, world.clock, 20_000)
    aliases = Aliases(world.tables, world.clock, world.nodes.reading, world.clusters, REGISTRY, lists=lists)
    made = aliases.create(node_id(1), "door", reach=EVERYWHERE)
    check(world)
    assert found(world, search="Do") == [node_id(1)]

    aliases.delete(made.id, reach=EVERYWHERE)
    assert found(world, search="do") == []
    world.nodes.terms.forget_name(node_id(1), "door")
    world.nodes.terms.forget_name(node_id(1), "door")
    check(world)


def test_late_message_about_a_name_keeps_what_is_called_so_again(world):
    world.enrol(1, hostname="door")
    world.nodes.terms.forget_name(node_id(1), "door")

    check(world)


def test_lists_by_terms_are_those_by_rows(world):
    world.nodes.terms.keep()
    for number in range(6):
        host = f"{'till' if number % 2 else 'web'}-{number}"
        labels = {"env": "prod" if number % 3 else "test", "role": "web"}
        world.enrol(number, "alpha" if number < 4 else "beta", hostname=host, agent_labels=labels)
        world.clock.advance(1)
    ids = [node_id(number) for number in range(6)]

    assert world.nodes.terms.are_complete()
    assert found(world, search="TILL-") == [ids[5], ids[3], ids[1]]
    assert found(world, hostname="web-2,till-5,Till-3") == [ids[5], ids[2]]
    assert found(world, labels="env:prod") == [ids[5], ids[4], ids[2], ids[1]]
    assert found(world, labels="env:test,role:web") == [ids[3], ids[0]]
    assert found(world, labels="role:web", cluster_name="beta") == [ids[5], ids[4]]
    assert found(world, search="till", labels="env:prod", cluster_name="alpha") == [ids[1]]
    assert found(world, labels="env:prod", inserted_at__lte="2026-11-21T10:00:01Z") == [ids[1]]
    assert found(world, labels="role:web", status="unhealthy") == []


def test_fleet_without_nodes_is_whole_from_the_start(world):
    assert not world.nodes.terms.are_complete()
    world.nodes.terms.keep()

    assert world.nodes.terms.are_complete()
    assert world.tables.get(TASKS, {"id": "node_terms#fleet"}) is None


def test_rows_of_before_are_filled_in_by_two_passes(world):
    for number in range(3):
        world.enrol(number, hostname=f"till-{number}", agent_labels={"env": "prod"})
        make_old(world, number)
    EVER[id(world)] = expected_terms(rows_of(world))
    world.nodes.terms.keep()
    assert world.tables.get(TASKS, {"id": "node_terms#fleet"}) is not None
    assert (found(world, labels="env:prod", hostname="till-1"), stored(world)) == ([node_id(1)], set())

    one_pass(world)
    check(world)
    assert not world.nodes.terms.are_complete(), "an earlier release may have been at work"
    make_old(world, 2)
    world.clock.advance(SETTLE.total_seconds())
    one_pass(world)

    check(world)
    assert world.nodes.terms.are_complete()
    assert found(world, labels="env:prod", hostname="till-1") == [node_id(1)]


def test_state_is_looked_at_every_ten_minutes_and_rows_once_a_day(world):
    world.nodes.terms.keep()
    assert world.calls(world.nodes.terms.keep) == 1
    assert world.calls(world.nodes.terms.keep) == world.calls(world.nodes.terms.are_complete) == 0
    world.clock.advance(REMEMBERED.total_seconds())
    assert world.calls(world.nodes.terms.keep) == 1

    world.enrol(1)
    make_old(world, 1)
    world.clock.advance(AGAIN.total_seconds())
    world.nodes.terms.keep()
    assert world.tables.get(TASKS, {"id": "node_terms#fleet"}) is not None
    assert world.nodes.terms.are_complete(), "it is whole but for what an earlier release wrote"
    one_pass(world)
    check(world)


def test_daily_pass_over_rows_that_have_their_terms_writes_nothing(world):
    world.nodes.terms.keep()
    world.enrol(1)
    world.clock.advance(AGAIN.total_seconds())
    world.nodes.terms.keep()
    world.tables.meter.reset()
    one_pass(world)

    assert world.tables.meter.write_units == 0


def test_terms_are_made_anew_after_their_state_was_removed(world):
    """As the runbook has it done where rows are said to have terms that they have not: after a restore."""
    world.nodes.terms.keep()
    world.enrol(1, hostname="till-3")
    for term_shard, position, _ in expected_terms(rows_of(world)):
        world.tables.write(Delete(NODE_TERMS, {"term_shard": term_shard, "position": position}), "test")
    world.tables.write(Delete(NODE_TERMS, {"term_shard": "state", "position": "fill"}), "test")
    world.clock.advance(REMEMBERED.total_seconds())

    assert found(world, search="till") == [node_id(1)]
    world.nodes.terms.keep()
    one_pass(world)
    check(world)


def test_node_changed_while_it_is_filled_in_has_its_terms_of_then(world):
    if not hasattr(world.dynamo, "before_next"):
        pytest.skip("only the fake lets another be faster")
    world.enrol(1, agent_labels={"env": "prod"})
    make_old(world, 1)
    EVER[id(world)] = expected_terms(rows_of(world))

    def relabel() -> None:
        world.nodes.labelling.change(node_id(1), {"env": "test"}, reach=EVERYWHERE)

    world.dynamo.before_next(relabel, operation="TransactWriteItems")
    one_pass(world)
    check(world)

    make_old(world, 1)
    delete = lambda: world.nodes.placing.delete(node_id(1), reach=EVERYWHERE)  # noqa: E731
    world.dynamo.before_next(delete, operation="TransactWriteItems")
    one_pass(world)
    check(world)


def test_lost_answer_of_a_relabelling_leaves_the_terms_of_the_row(world):
    if not hasattr(world.dynamo, "fail_next"):
        pytest.skip("only the fake loses answers")
    world.enrol(1, agent_labels={"env": "prod"})
    check(world)
    world.dynamo.fail_next(1, "lost_answer", operation="TransactWriteItems")
    world.nodes.labelling.change(node_id(1), {"env": "test"}, reach=EVERYWHERE)

    check(world)


def test_heartbeat_and_repeated_registration_write_no_terms(world):
    registered = world.enrol(1, hostname="till-3", agent_labels={"env": "prod"})
    bearer, said = registered.secrets.api_token, {"hostname": "till-3", "agent_labels": {"env": "prod"}}
    world.tables.meter.reset()
    again = world.nodes.registering.register(world.registration(1, **said), None, bearer)
    world.clock.advance(200)
    world.nodes.health.report(world.call(again), Status.UNHEALTHY, {"hostname": "till-3"})

    assert not [call for call in world.tables.meter.calls if NODE_TERMS.name in call.table]
