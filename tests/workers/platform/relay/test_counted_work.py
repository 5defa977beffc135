"""What workers count for metrics, by their deployed strings."""

from datetime import timedelta

import pytest

from chalicelib.fleet.metrics import totals
from chalicelib.kit.outbound import Answer
from chalicelib.platform.webhooks.model import NewWebhook
from tests.support.builders import a_cluster, machines
from tests.support.world import World

HOST = "hooks.example"


@pytest.fixture
def world():
    world = World(webhook_max_attempts=2)
    a_cluster(world)
    wanted = NewWebhook(url=f"https://{HOST}/", secret="s" * 32, subscribed_events=("edge.node.registered",))
    world.platform.webhooks.registry.create(wanted)
    return world


def later(world):
    world.clock.advance(timedelta(minutes=2).total_seconds())
    world.queue_client.release_delayed()
    world.sweep("sweep_webhooks")
    world.settle()


def webhook_figures(world):
    return world.fleet.metrics.admin.figures().webhook.model_dump()


def test_delivery_counters_count_attempts_by_outcome(world):
    world.exchange.reply(HOST, Answer(503), Answer(500), Answer(204))
    for _ in range(2):
        machines(world, 1)
        world.settle()
        later(world)
    assert webhook_figures(world) == {
        "fan_outs_total": 2,
        "deliveries_total": 3,
        "deliveries_ok_total": 1,
        "deliveries_recoverable_total": 1,
        "deliveries_terminal_total": 1,
        "matched_deliveries_total": 2,
    }


def test_duplicate_delivery_message_counts_once(world):
    machines(world, 1)
    world.settle(twice=True)
    assert webhook_figures(world)["deliveries_total"] == 1


def test_health_counters_count_checked_nodes_and_runs(world):
    machines(world, 3)
    world.sweep("check_health")
    assert world.platform.counters.read(totals.HEALTH_CHECKS) == 0
    world.clock.advance(301)
    for _ in range(2):
        world.sweep("check_health")
    assert world.platform.counters.read(totals.HEALTH_CHECKS) == 3
    assert world.platform.counters.read(totals.RUNS["check_health"]) == 3


def test_repeated_stream_batch_counts_its_events_once(world):
    machines(world, 2)
    world.settle(twice=True)
    assert world.platform.counters.read(totals.EVENTS) == len(
        {envelope["id"] for envelope in world.bus_client.envelopes}
    )
