"""Pushed metrics are told to other families, if one of them wants to know."""

import pytest

from chalicelib import families
from chalicelib.fleet.facts import METRICS_PUSHED
from chalicelib.fleet.metrics.model import MetricsType
from chalicelib.platform.events.store import TABLE as OCCURRENCES
from tests.support.builders import a_cluster, machines
from tests.support.world import World

HOST = "node_load1 0.5\nnode_memory_MemTotal_bytes 1000\nnode_memory_MemAvailable_bytes 250\n"


def pushed(world, metrics_type=MetricsType.HOST, text=HOST):
    """What a push writes, as calls, and what it tells."""
    a_cluster(world)
    (machine,) = machines(world, 1)
    before = {row["id"] for row in world.driver.rows(OCCURRENCES)}
    world.driver.meter.reset()
    world.fleet.metrics.nodes.push(machine.id, metrics_type, text)
    calls = [call.operation for call in world.driver.meter.calls]
    return calls, [row["type"] for row in world.driver.rows(OCCURRENCES) if row["id"] not in before]


def test_push_is_told_by_one_write_where_a_family_subscribes():
    assert pushed(World()) == (["UpdateItem", "PutItem"], [METRICS_PUSHED])


def test_push_to_a_fleet_alone_is_one_write():
    assert pushed(World(families=families.deployed("fleet"))) == (["UpdateItem"], [])


@pytest.mark.parametrize(
    ("metrics_type", "text"), [(MetricsType.AGENT, HOST), (MetricsType.HOST, "up 1\n")], ids=["agent", "no figures"]
)
def test_push_without_figures_of_the_machine_is_not_told(metrics_type, text):
    assert pushed(World(), metrics_type, text) == (["UpdateItem"], [])
