"""A restricted caller sees, counts and reaches exactly what a naive model leaves of all rows, whatever has happened."""

import random

import pytest

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.commands.store import COMMANDS, EXECUTIONS
from chalicelib.fleet.enrollment.store import TABLE as KEYS
from chalicelib.fleet.nodes.store import NODES
from chalicelib.fleet.reach import EVERYWHERE, Reach
from chalicelib.fleet.ssh.model import NewUsername
from chalicelib.fleet.ssh.store import USERNAMES
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.updates.store import NODE_UPDATES, REQUESTS
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.listing import ListRequest
from tests.support.builders import a_cluster, a_command, machines
from tests.support.world import World

ACTS = 30
PAGE = 100
NAMES = ("a", "b", "c", "d")


class History:
    """Random acts of unrestricted and restricted callers, each within its reach."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.world = World()
        self.fleet = self.world.fleet
        self.clusters = {name: a_cluster(self.world, name).id for name in NAMES}
        self.made_within = {}
        for name in NAMES[:3]:
            machines(self.world, self.chance.randint(1, 3), name, self_update_enabled=True)
        for _ in range(ACTS):
            self.world.clock.advance(self.chance.choice([0, 0, 1, 7]))
            self.chance.choice([self.command, self.command, self.move, self.update, self.username, self.delete])()
            if self.chance.random() < 0.7:
                self.world.settle()
        self.world.settle()

    def reach(self):
        """Everything, or a random part of the clusters."""
        some = [self.clusters[name] for name in NAMES if self.chance.random() < 0.5]
        return EVERYWHERE if self.chance.random() < 0.3 else Reach(frozenset(some))

    def nodes(self):
        return [str(row["id"]) for row in self.world.driver.rows(NODES)]

    def targeting(self):
        kind = self.chance.choice([kind for kind in TargetType if kind is not TargetType.EXECUTIONS])
        if kind is TargetType.NODES:
            return Targeting(type=kind, node_ids=tuple(self.chance.sample(self.nodes(), min(2, len(self.nodes())))))
        if kind is TargetType.CLUSTERS:
            return Targeting(type=kind, cluster_names=tuple(self.chance.sample(NAMES, 2)))
        return Targeting(type=kind)

    def command(self):
        reach = self.reach()
        made = a_command(self.world, targeting=self.targeting(), reach=reach, allow_missing=True)
        self.made_within[made.id] = reach

    def update(self):
        self.fleet.updates.requests.create(self.targeting(), allow_missing=True, reach=self.reach())

    def move(self):
        self.quietly(
            lambda: self.fleet.nodes.placing.change_cluster(
                self.chance.choice(self.nodes()), self.chance.choice(NAMES), reach=self.reach()
            )
        )

    def username(self):
        self.quietly(
            lambda: self.fleet.ssh.usernames.create(
                self.chance.choice(self.nodes()), NewUsername(f"u{self.chance.randrange(99)}"), reach=self.reach()
            )
        )

    def delete(self):
        if len(self.nodes()) > 3:
            self.quietly(lambda: self.fleet.nodes.placing.delete(self.chance.choice(self.nodes()), reach=self.reach()))

    def quietly(self, act):
        try:
            act()
        except EdgeError as error:
            if error.kind not in {Kind.NOT_FOUND, Kind.CONFLICT, Kind.VALIDATION_FAILED}:
                raise


def listed(list_page, reach, ids=lambda item: item.id):
    """The ids of all pages, and the total that each page says."""
    found, number, totals = [], 1, set()
    while items := (page := list_page(ListRequest(page=number, page_size=3), reach=reach)).items:
        found += map(ids, items)
        totals.add(page.total_count)
        number += 1
    assert len(set(found)) == len(found)
    return set(found), totals or {0}


def subsets():
    for bits in range(2 ** len(NAMES)):
        yield [name for number, name in enumerate(NAMES) if bits >> number & 1]


@pytest.mark.parametrize("seed", range(6))
def test_restricted_caller_sees_exactly_what_a_naive_model_leaves(seed):
    history = History(seed)
    world, fleet = history.world, history.fleet
    rows = world.driver.rows
    cluster_of = {str(row["id"]): row["cluster_id"] for row in rows(NODES)}
    parts = {}
    for row in rows(EXECUTIONS):
        parts.setdefault(str(row["command_id"]), []).append(row)
    for names in subsets():
        ids = frozenset(history.clusters[name] for name in names)
        reach = Reach(ids)

        def within(table, key="cluster_id", ids=ids):
            return {str(row["id"]) for row in rows(table) if row[key] in ids}

        def expect(found, expected, names=names):
            assert found == (expected, {len(expected)}), names

        expect(listed(fleet.clusters.list_page, reach), {str(row["id"]) for row in rows(CLUSTERS) if row["id"] in ids})
        expect(listed(fleet.nodes.reading.list_page, reach, lambda view: view.node.id), within(NODES))
        expect(listed(fleet.enrollment.list_page, reach), within(KEYS))
        expect(
            listed(fleet.ssh.usernames.list_page, reach),
            {str(row["id"]) for row in rows(USERNAMES) if cluster_of[str(row["node_id"])] in ids},
        )
        expect(
            listed(fleet.commands.executions.list_page, reach, lambda view: view.execution.id),
            within(EXECUTIONS, "node_cluster_id"),
        )
        expect(
            listed(fleet.commands.registry.list_page, reach),
            {command for command, of in parts.items() if any(row["node_cluster_id"] in ids for row in of)},
        )
        expect(
            listed(fleet.updates.requests.list_page, reach),
            {str(row["request_id"]) for row in rows(NODE_UPDATES) if row["cluster_name"] in names}
            | set(requests_made_within(history, ids)),
        )
        for row in rows(COMMANDS):
            check_part(history, str(row["id"]), reach, parts.get(str(row["id"]), []))
    for command, reach in history.made_within.items():
        assert all(reach.includes(str(row["node_cluster_id"])) for row in parts.get(command, []))


def requests_made_within(history, ids):
    """Requests of restricted callers that reach no more than this."""
    for row in history.world.driver.rows(REQUESTS):
        within = row["targeting"].get("within")
        if within and ids.issuperset(within):
            yield str(row["id"])


def check_part(history, command_id, reach, executions):
    """A command by its id: the part within reach, or nothing."""
    part = [row for row in executions if reach.includes(str(row["node_cluster_id"]))]
    made_within = history.made_within[command_id].cluster_ids
    try:
        _, progress = history.fleet.commands.registry.get_with_progress(command_id, reach=reach)
    except EdgeError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise
        assert not part
        assert not made_within or not reach.covers(made_within)
        return
    assert progress.summary is not None
    assert progress.summary.total == progress.targets == len(part)
    assert progress.summary.open == sum(row["status"] in {"pending", "sent"} for row in part)
