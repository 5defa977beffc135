"""What a command asks of DynamoDB that makes its executions itself, or finds that they are many."""

import pytest

from chalicelib.fleet.commands.store import EXECUTIONS
from tests.support.builders import a_cluster
from tests.support.callers import enrolled, operator
from tests.support.large_world import large_world
from tests.support.world import World

API = "/api/v1"


@pytest.mark.parametrize(
    ("kind", "reads"),
    [("all", ["Query"] * 4), ("nodes", ["BatchGetItem"] * 2), ("clusters", ["BatchGetItem", "Query"])],
)
def test_few_executions_are_made_in_the_transaction_of_their_command(kind, reads):
    """It reads the targets, and who has a socket."""
    world = World()
    client = operator(world)
    a_cluster(world)
    agents = enrolled(client, 5)
    named = {"nodes": {"node_ids": [agent.id for agent in agents]}, "clusters": {"cluster_names": ["north"]}}
    client.post(f"{API}/commands", json={"command_text": "true", "targeting": {"type": kind, **named.get(kind, {})}})
    expected = [*reads, "TransactWriteItems", "BatchGetItem"]
    assert [call.operation for call in world.driver.meter.calls if call.table != "node_terms"] == expected
    assert len(world.driver.rows(EXECUTIONS)) == 5


def test_command_for_a_large_fleet_reads_little_before_it_takes_the_long_way():
    world = large_world(3000, {"clusters", "nodes"}).world
    client = operator(world)
    for targeting in ({"type": "all"}, {"type": "clusters", "cluster_names": ["north"]}):
        client.post(f"{API}/commands", json={"command_text": "true", "targeting": targeting})
        looking = [call for call in world.driver.meter.calls if call.operation == "Query"]
        assert len(looking) <= 4
        assert sum(call.read_units for call in looking) <= 20
        assert world.driver.meter.calls[-1].operation == "TransactWriteItems"
