"""What a look at a request costs while many of its nodes are waited for."""

import pytest

from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.updates.model import NodeState, NodeUpdate
from chalicelib.fleet.updates.store import NODE_UPDATES, SHARDS, put_update
from chalicelib.fleet.updates.triggering import FAILED_PER_LOOK, REDRIVEN_PER_MESSAGE
from chalicelib.kit.worktime import WorkTime
from tests.support.builders import a_cluster
from tests.support.world import World


@pytest.fixture
def world():
    world = World()
    a_cluster(world)
    return world


def waiting(world, count):
    """A request whose nodes are all known, and waited for."""
    services = world.fleet
    request = services.updates.requests.create(Targeting(type=TargetType.ALL), reach=EVERYWHERE)
    for part in request.parts:
        services.updates.fan_outs.finish_part(request.id, part)
    world.clock.advance(60)
    services.updates.fan_outs.look(request.id, None, WorkTime(world.clock, 1))
    text = request.inserted_at
    for number in range(count):
        update = NodeUpdate(
            request_id=request.id,
            node_id=f"node-{number}",
            cluster_name="north",
            state=NodeState.PENDING,
            inserted_at=text,
            updated_at=text,
        )
        services.platform.tables.write(put_update(update), "self_update.created")
    return request


def test_redrive_reads_no_more_nodes_than_it_triggers(world):
    request = waiting(world, 2 * REDRIVEN_PER_MESSAGE)
    world.driver.meter.reset()
    following = world.fleet.updates.triggering.settle(request.id, redrive=True)
    (messages,) = following.to_tell.messages(lambda _cluster_name: "").values()
    assert sum(len(message["updates"]["node_ids"]) for message in messages) == REDRIVEN_PER_MESSAGE
    assert sum(call.operation == "Query" for call in world.driver.meter.calls) < 0.75 * SHARDS


def test_settlement_at_deadline_repeats_until_all_nodes_have_failed(world):
    request = waiting(world, REDRIVEN_PER_MESSAGE + 1)
    world.clock.advance(10_801)
    looks = 1
    while world.fleet.updates.triggering.settle(request.id, redrive=False).looks_again:
        looks += 1
    assert looks == -(-(REDRIVEN_PER_MESSAGE + 1) // FAILED_PER_LOOK) + 1
    ended = world.fleet.updates.requests.get(request.id, reach=EVERYWHERE)
    assert ended.summary.model_dump() == {
        "total": REDRIVEN_PER_MESSAGE + 1,
        "triggered": 0,
        "failed": REDRIVEN_PER_MESSAGE + 1,
        "updated": 0,
    }
    assert {row["state"] for row in world.driver.rows(NODE_UPDATES)} == {"failed"}
