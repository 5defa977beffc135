"""The terms of nodes against a naive model: whatever happens to nodes in whatever order, also between a read and the
write that follows from it, lists answer what the rows say, and at rest the table has just what it should."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chalicelib.fleet.aliases.context import CONTEXT as ALIASES_CONTEXT
from chalicelib.fleet.aliases.service import Aliases
from chalicelib.fleet.aliases.store import TABLE as ALIASES
from chalicelib.fleet.nodes.model import Status
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.vpn.registry import REGISTRY
from chalicelib.kit.changes import read_record
from chalicelib.kit.errors import EdgeError
from chalicelib.kit.listing import ListRequest, Lists
from chalicelib.kit.redrive import SETTLE
from chalicelib.kit.tables.wire import from_wire
from tests.support.terms import expected_terms, make_old, names_of, stored_terms
from tests.unit.fleet.nodes.world import World, node_id

CLUSTERS = ("alpha", "beta")
NUMBERS = st.integers(1, 3)
HOSTS = st.sampled_from([None, "till-1", "Till-2", "web"])
CHANGES = st.dictionaries(st.sampled_from(["env", "role"]), st.sampled_from(["a", "b", None]), min_size=1)
AGENT_LABELS = st.dictionaries(st.sampled_from(["env", "site"]), st.sampled_from(["a", "c"]))
NAMES = st.sampled_from(["till-1", "door"])
Action = tuple[Any, ...]


def changes_of(numbers: st.SearchStrategy[int]) -> st.SearchStrategy[Action]:
    """What happens to one of these machines."""
    return st.one_of(
        st.tuples(st.just("register"), numbers, st.sampled_from(CLUSTERS), HOSTS, AGENT_LABELS),
        st.tuples(st.just("describe"), numbers, HOSTS),
        st.tuples(st.just("relabel"), numbers, CHANGES),
        st.tuples(st.just("move"), numbers, st.sampled_from(CLUSTERS)),
        st.tuples(st.just("name"), numbers, NAMES),
        st.tuples(st.just("unname"), numbers),
        st.tuples(st.just("delete"), numbers),
    )


WORK = st.sampled_from([("fill",), ("relay",)])
RACES = NUMBERS.map(st.just).flatmap(
    lambda one: st.tuples(st.one_of(changes_of(one), WORK), st.one_of(changes_of(one), WORK))
)
FILTERS = (
    {"search": "till"},
    {"search": "D"},
    {"search": node_id(2)[:5]},
    {"hostname": "web"},
    {"labels": "env:a"},
    {"labels": "env:a,role:b"},
    {"labels": "env:a", "cluster_name": "beta"},
    {"labels": "role:b", "search": "t"},
    {"labels": "env:a", "status": "healthy"},
)


class Life(RuleBasedStateMachine):
    """Three machines, of which some may be of an earlier release, and the task that fills in their terms."""

    @initialize(old=st.sets(NUMBERS))
    def begin(self, old: set[int]) -> None:
        self.world = World()
        for name in CLUSTERS:
            self.world.cluster(name)
        lists = Lists(self.world.tables, self.world.clock, 20_000)
        nodes, clusters = self.world.nodes.reading, self.world.clusters
        self.aliases = Aliases(self.world.tables, self.world.clock, nodes, clusters, REGISTRY, lists=lists)
        self.tokens: dict[int, str] = {}
        self.cursor: str | None = None
        self.relayed = 0
        for number in sorted(old):
            self.register(number, "alpha", "till-1", {"env": "a"})
            self.make_old(number)
        self.world.nodes.terms.keep()
        self.asked_at = self.world.clock.now()

    @rule(action=st.one_of(changes_of(NUMBERS), WORK))
    def act(self, action: Action) -> None:
        name, *arguments = action
        with suppress(EdgeError):
            getattr(self, name)(*arguments)

    @rule(race=RACES)
    def act_while_another_is_faster(self, race: tuple[Action, Action]) -> None:
        action, other = race
        self.world.dynamo.before_next(lambda: self.act(other), operation="TransactWriteItems")
        self.act(action)

    @rule()
    def wait(self) -> None:
        self.world.clock.advance(400)

    @precondition(lambda self: self.world.clock.now() < self.asked_at + SETTLE and not self.is_complete())
    @rule(number=NUMBERS)
    def release_before_is_still_at_work(self, number: int) -> None:
        self.make_old(number)

    @invariant()
    def lists_say_what_rows_say(self) -> None:
        rows = self.world.dynamo.rows(NODES)
        for filters in FILTERS:
            page = self.world.nodes.reading.list_page(ListRequest(filters=filters), reach=EVERYWHERE)
            assert [view.node.id for view in page.items] == in_order(row for row in rows if fits(row, filters))
            assert page.indexing is not self.is_complete()
            assert page.total_count >= len(page.items)
        alpha = next(cluster.id for cluster in self.world.clusters.find_many(["alpha"]))
        for filters in ({"search": "till"}, {"labels": "env:a"}):
            page = self.world.nodes.reading.list_page(ListRequest(filters=filters), reach=Reach(frozenset({alpha})))
            expected = (row for row in rows if fits(row, filters) and row["cluster_id"] == alpha)
            assert [view.node.id for view in page.items] == in_order(expected)

    @invariant()
    def walks_meet_each_node_once(self) -> None:
        rows = self.world.dynamo.rows(NODES)
        assert sorted(self.targets("env:a")) == sorted(str(row["id"]) for row in rows if fits(row, {"labels": "env:a"}))

    @invariant()
    def no_term_is_missing_once_the_table_is_whole(self) -> None:
        marked = [row for row in self.world.dynamo.rows(NODES) if self.is_complete() or "termed" in row]
        assert expected_terms(marked) <= stored_terms(self.world.dynamo)

    def teardown(self) -> None:
        while not self.is_complete():
            with suppress(EdgeError):
                self.fill()
            if self.cursor is None:
                self.world.clock.advance(SETTLE.total_seconds())
        self.relay()
        assert stored_terms(self.world.dynamo) == expected_terms(self.world.dynamo.rows(NODES))

    # -- what happens ------------------------------------------------------------------------------------------------

    def register(self, number: int, cluster_name: str, hostname: str | None, agent_labels: dict[str, str]) -> None:
        self.world.newer_key()
        world = self.world
        registration = world.registration(number, cluster_name, hostname=hostname, agent_labels=agent_labels)
        bearer = self.tokens.get(number)
        done = world.nodes.registering.register(registration, world.token(cluster_name), bearer)
        self.tokens[number] = done.secrets.api_token

    def describe(self, number: int, hostname: str | None) -> None:
        agent = self.world.nodes.identity.authenticate(self.tokens.get(number))
        self.world.nodes.health.report(agent, Status.HEALTHY, {"hostname": hostname})

    def relabel(self, number: int, given: dict[str, str | None]) -> None:
        self.world.nodes.labelling.change(node_id(number), given, reach=EVERYWHERE)

    def move(self, number: int, cluster_name: str) -> None:
        self.world.nodes.placing.change_cluster(node_id(number), cluster_name, reach=EVERYWHERE)

    def name(self, number: int, name: str) -> None:
        self.aliases.create(node_id(number), name, reach=EVERYWHERE)

    def unname(self, number: int) -> None:
        node = self.world.node(number)
        for alias in () if node is None else node.aliases[:1]:
            self.aliases.delete(alias.id, reach=EVERYWHERE)

    def delete(self, number: int) -> None:
        self.world.nodes.placing.delete(node_id(number), reach=EVERYWHERE)

    def fill(self) -> None:
        if not self.is_complete():
            self.cursor = self.world.nodes.terms.fill_chunk("fleet", self.cursor)

    def relay(self) -> None:
        """Deliver what the change stream of aliases asks for."""
        since, self.relayed = self.relayed, self.world.dynamo.stream_position
        for record in self.world.dynamo.records(ALIASES, since):
            on_change: Callable[..., Any] = ALIASES_CONTEXT.on_change  # type: ignore[assignment]
            for send in on_change(read_record(record, "", from_wire)):
                self.world.nodes.terms.forget_name(send.message["id"], send.message["name"])

    def make_old(self, number: int) -> None:
        row = self.world.dynamo.row(NODES, {"id": node_id(number)})
        if row is not None:
            make_old(self.world.dynamo, row)

    def is_complete(self) -> bool:
        return self.world.nodes.terms.are_complete()

    def targets(self, pair: str) -> list[str]:
        """The nodes with that label, as a fan-out finds them."""
        found = []
        for shard in range(4):
            cursor = None
            while True:
                page = self.world.nodes.reading.targets_of_shard(shard, cursor, 1, "2099-01-01T00:00:00Z", [pair])
                rows = self.world.nodes.reading.rows_of([node.id for node in page.nodes])
                found += [row_id for row_id, row in rows.items() if fits(row, {"labels": pair})]
                cursor = page.cursor
                if cursor is None:
                    break
        return found


def in_order(rows: Any) -> list[str]:
    """The ids of rows, the newest first."""
    return [str(row["id"]) for row in sorted(rows, key=lambda row: (row["inserted_at"], row["id"]), reverse=True)]


def fits(row: dict[str, Any], filters: dict[str, str]) -> bool:
    labels = row.get("labels") or {}
    wanted = [pair.split(":") for pair in filters.get("labels", "").split(",") if pair]
    beginning = filters.get("search", "").lower()
    return (
        all(labels.get(name) == value for name, value in wanted)
        and any(name.lower().startswith(beginning) for name in names_of(row))
        and filters.get("hostname", row.get("hostname")) == row.get("hostname")
        and filters.get("status", row["status"]) == row["status"]
        and filters.get("cluster_name", row["cluster_name"]) == row["cluster_name"]
    )


Life.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestLife = Life.TestCase
