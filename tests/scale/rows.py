"""As many rows as a scenario wants, which have stood for long: put in the short way, without a change record."""

import random
from collections.abc import Iterator
from datetime import timedelta

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.commands.model import Command, NewCommand, Status
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS, execution_to_item
from chalicelib.fleet.nodes import store as nodes
from chalicelib.fleet.nodes.store import NODES, PRESENCE
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType
from chalicelib.fleet.updates.model import NodeState, NodeUpdate
from chalicelib.fleet.updates.store import NODE_UPDATES, update_key
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.ids import compose_uuid7, to_milliseconds
from chalicelib.kit.tables import Item
from chalicelib.platform.webhooks.attempts import new_delivery
from chalicelib.platform.webhooks.model import DeliveryStatus, NewWebhook, Webhook
from chalicelib.platform.webhooks.store import DELIVERIES, delivery_to_item
from tests.application.fleet.commands.fleet import a_node, an_execution
from tests.support.builders import a_cluster
from tests.support.timed_world import TimedWorld

LONG_AGO = timedelta(hours=1)


def a_fleet(world: TimedWorld, count: int, *, self_update_enabled: bool = False) -> Cluster:
    """So many healthy nodes of one cluster."""
    cluster = a_cluster(world)
    pattern_id = a_node(world, cluster, self_update_enabled=self_update_enabled).id
    pattern = world.driver.row(NODES, {"id": pattern_id}) or {}
    presence = world.driver.row(PRESENCE, {"id": pattern_id}) or {}
    ids = list(ids_of(world, count - 1))
    world.driver.load(NODES, (_node(pattern, row_id) for row_id in ids))
    world.driver.load(PRESENCE, ({**presence, "id": row_id} for row_id in ids))
    world.run(60, lambda: world.is_quiet)
    world.clock.advance(LONG_AGO.total_seconds())
    return cluster


def a_whole_command(world: TimedWorld, count: int, status: Status) -> Command:
    """A command with so many executions in one status, and nothing left to create or to look for."""
    made = world.fleet.commands.registry.create(NewCommand("true", Targeting(type=TargetType.ALL)), reach=EVERYWHERE)
    world.run(1200, lambda: world.driver.tally(FAN_OUTS, "due") == {None: 1} and world.is_quiet)
    final = {"exit_code": 0} if status is Status.COMPLETED else {}
    rows = (
        {**execution_to_item(an_execution(made, row_id, status=status, **final)), "version": 1}
        for row_id in ids_of(world, count)
    )
    world.driver.load(EXECUTIONS, map(without_none, rows))
    return made


def a_failed_log(world: TimedWorld, count: int) -> Webhook:
    """A webhook with so many deliveries that have failed."""
    wanted = NewWebhook(url="https://hooks.example/", secret="s" * 32, subscribed_events=())
    webhook = world.platform.webhooks.registry.create(wanted)
    now = to_seconds_text(world.clock.now())
    failed = {"status": DeliveryStatus.FAILED, "attempt_count": 1}
    rows = (
        {
            **delivery_to_item(
                new_delivery(webhook.id, {"id": row_id, "type": "edge.node.registered"}, now, 1).model_copy(
                    update=failed
                )
            ),
            "version": 1,
        }
        for row_id in ids_of(world, count)
    )
    world.driver.load(DELIVERIES, map(without_none, rows))
    world.clock.advance(60)
    return webhook


def waiting_updates(world: TimedWorld, request_id: str, count: int) -> None:
    """So many nodes of a self-update request that have not been told."""
    now = to_seconds_text(world.clock.now())
    rows = (
        NodeUpdate(
            request_id=request_id,
            node_id=row_id,
            cluster_name="north",
            state=NodeState.PENDING,
            inserted_at=now,
            updated_at=now,
        )
        for row_id in ids_of(world, count)
    )
    items = ({**row.model_dump(mode="json"), **update_key(request_id, row.node_id), "version": 1} for row in rows)
    world.driver.load(NODE_UPDATES, map(without_none, items))


def _node(pattern: Item, row_id: str) -> Item:
    return {
        **pattern,
        "id": row_id,
        "listed_at": nodes.listed_at(str(pattern["inserted_at"]), row_id),
        "shard": nodes.shard_of(row_id),
        "status_shard": nodes.status_shard_of(row_id, nodes.Status.HEALTHY),
    }


def ids_of(world: TimedWorld, count: int) -> Iterator[str]:
    """Random at their end, which chooses shards, and the same in every run."""
    chance, now = random.Random(1), to_milliseconds(world.clock.now())
    return (compose_uuid7(now, chance.getrandbits(74)) for _ in range(count))


def without_none(row: Item) -> Item:
    return {name: value for name, value in row.items() if value is not None}
