"""Everybody at once: enrolment over HTTP while transactions conflict, and the races for what there is only one of.

Time is the fake's: every call takes 5 ms, a transaction holds its rows for 20 ms, and of those that are free a fifth is
cancelled all the same.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.enrollment.store import TABLE as KEYS
from chalicelib.fleet.nodes.rules import full_network
from chalicelib.fleet.nodes.store import NODES, PRESENCE
from tests.support.callers import Agent, a_key, operator
from tests.support.client import Client, HttpAnswer
from tests.support.world import World

FLEET = 200
SECONDS = 30
CALL_SECONDS = 0.005
TRANSACTION_SECONDS = 0.02
CONFLICTS = 0.2


class Storm:
    """One cluster; agents that enrol when told to."""

    def __init__(self, *, node_limit: int | None = None, seed: int = 1) -> None:
        self.world = World()
        self.client: Client = operator(self.world)
        body = {"name": "north", "node_limit": node_limit}
        assert self.client.post("/api/v1/clusters", json=body).status == 201
        self.seed = seed

    def agents(self, count: int) -> list[Agent]:
        return [Agent(self.client, number) for number in range(count)]

    def at_once(self, tasks: Sequence[Callable[[], Any]]) -> list[Any]:
        """What each returned; afterwards the world is calm again."""
        driver = self.world.driver
        driver.latency(CALL_SECONDS)
        driver.transaction_seconds(TRANSACTION_SECONDS)
        driver.conflicts(CONFLICTS, seed=self.seed)
        outcomes = self.world.clock.run_together(tasks)
        driver.latency(0)
        driver.transaction_seconds(0)
        driver.conflicts(0)
        self.world.clock.advance(1)  # whatever a transaction held is free
        raised = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        assert raised == []
        return outcomes

    def node_count(self) -> Any:
        return (self.world.driver.row(CLUSTERS, {"name": "north"}) or {}).get("node_count")

    def assert_sound(self, agents: Sequence[Agent]) -> None:
        """Counts, rows and events agree with what the agents were told, and each token works."""
        inside = {agent.id: agent for agent in agents if agent.token is not None}
        assert {row["id"] for row in self.world.driver.rows(NODES)} == set(inside)
        assert {row["id"] for row in self.world.driver.rows(PRESENCE)} == set(inside)
        assert self.node_count() in {len(inside), None}
        assert {agent.poll().status for agent in inside.values()} <= {200}
        self.world.settle()
        registered = {one["id"] for one in self.world.bus_client.envelopes if one["type"] == "edge.node.registered"}
        assert len(registered) == len(inside)


def statuses(outcomes: Sequence[list[HttpAnswer]]) -> Counter[tuple[int, ...]]:
    return Counter(tuple(answer.status for answer in answers) for answers in outcomes)


@pytest.mark.parametrize("uses", [pytest.param(None, marks=pytest.mark.slow), FLEET], ids=["unlimited", "limited"])
def test_two_hundred_concurrent_enrolments_all_succeed(uses):
    """Measured from the first verification to the last registration."""
    storm = Storm()
    blob = a_key(storm.client, "north", uses_remaining=uses)
    agents = storm.agents(FLEET)
    started = storm.world.clock.now()

    outcomes = storm.at_once([lambda agent=agent: agent.enrol(blob, "north") for agent in agents])

    assert statuses(outcomes) == {(200, 201): FLEET}
    assert (storm.world.clock.now() - started).total_seconds() < SECONDS
    assert storm.node_count() == FLEET
    storm.assert_sound(agents)
    (key,) = storm.world.driver.rows(KEYS)
    assert key.get("uses_remaining") == (None if uses is None else 0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_concurrent_enrolments_for_the_last_use_admit_one(seed):
    storm = Storm(seed=seed)
    blob = a_key(storm.client, "north")
    agents = storm.agents(2)

    outcomes = storm.at_once([lambda agent=agent: agent.enrol(blob, "north") for agent in agents])

    assert statuses(outcomes) == {(200, 201): 1, (200,): 1}
    (refused,) = [answers[0].data for answers in outcomes if len(answers) == 1]
    assert (refused["verified"], refused["netmaker_key"], refused["network_name"]) == (False, "", "")
    assert refused["error"]
    assert storm.node_count() == 1
    storm.assert_sound(agents)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_concurrent_enrolments_for_the_last_slot_admit_one(seed):
    storm = Storm(node_limit=1, seed=seed)
    blob = a_key(storm.client, "north", uses_remaining=None)
    agents = storm.agents(10)

    outcomes = storm.at_once([lambda agent=agent: agent.enrol(blob, "north") for agent in agents])

    seen = statuses(outcomes)
    assert seen[200, 201] == 1
    assert set(seen) <= {(200, 201), (200, 422), (200,)}
    for answers in outcomes:
        if answers[-1].status == 422:
            assert answers[-1].error["details"] == full_network(1).details
    assert storm.node_count() == 1
    storm.assert_sound(agents)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_twelve_concurrent_clusters_get_distinct_ranges(seed):
    storm = Storm(seed=seed)

    def create(number: int) -> HttpAnswer:
        return storm.client.post("/api/v1/clusters", json={"name": f"cluster-{number}"})

    answers = storm.at_once([lambda number=number: create(number) for number in range(12)])

    assert {answer.status for answer in answers} == {201}
    assert len({answer.data["ipv4_range"] for answer in answers}) == 12


@pytest.mark.parametrize("head_start_seconds", [0, 0.01, 0.02, 0.03, 0.05, 0.08])
def test_cluster_deletion_during_an_enrolment_fails_exactly_one(head_start_seconds):
    storm = Storm()
    blob = a_key(storm.client, "north")
    (agent,) = storm.agents(1)

    def delete() -> HttpAnswer:
        storm.world.clock.sleep(head_start_seconds)
        return storm.client.delete("/api/v1/clusters/north")

    answers, deleted = storm.at_once([lambda: agent.enrol(blob, "north"), delete])

    if deleted.status == 204:
        assert agent.token is None
        assert answers[-1].status in {200, 422}
        assert storm.node_count() is None
    else:
        assert deleted.status == 409
        assert answers[-1].status == 201
        assert storm.node_count() == 1
    storm.assert_sound([agent])
    assert len(storm.world.driver.rows(KEYS)) == (0 if deleted.status == 204 else 1)
