"""Many nodes without enrolling them one by one, and fan-outs driven by hand."""

import json
from collections import deque
from typing import Any

from chalicelib.fleet.clusters.model import Cluster
from chalicelib.fleet.commands.model import Command, Execution, NewCommand
from chalicelib.fleet.commands.queues import EXECUTION_CREATION
from chalicelib.fleet.commands.store import EXECUTIONS, FAN_OUTS, execution_id
from chalicelib.fleet.nodes import presence_store
from chalicelib.fleet.nodes.model import IdType, Node, Presence, Status
from chalicelib.fleet.nodes.store import NODES, node_to_item
from chalicelib.fleet.reach import EVERYWHERE
from chalicelib.fleet.targeting.model import Targeting, TargetType, at_first
from chalicelib.kit.clock import to_seconds_text
from chalicelib.kit.parking import cursors_of
from chalicelib.kit.tables import Call, Item, put_new
from tests.support.world import World

CLUSTER = Cluster(
    id="01900000-0000-7000-8000-00000000c001",
    name="north",
    ipv4_range="100.64.0.0/24",
    node_limit=None,
    node_count=0,
    inserted_at="2026-11-21T09:00:00Z",
    updated_at="2026-11-21T09:00:00Z",
    version=1,
)


def a_node(world: World, cluster: Cluster = CLUSTER, **fields: Any) -> Node:
    """A node and its presence as rows."""
    now = to_seconds_text(world.clock.now())
    given: dict[str, Any] = {
        "id": world.ids.uuid7(world.clock.now()),
        "cluster_id": cluster.id,
        "cluster_name": cluster.name,
        "id_type": IdType.PERSISTENT,
        "status": Status.HEALTHY,
        "agent_version": "1.0.0",
        "self_update_enabled": False,
        "token_digest": "digest",
        "api_token_sealed": b"sealed",
        "proxy_password_sealed": b"sealed",
        "last_seen_at": now,
        "inserted_at": now,
        "updated_at": now,
        **dict.fromkeys(
            ("http_port", "ssh_port", "host_metrics_port", "wireguard_metrics_port", "http_proxy_port"), 44000
        ),
        "socks5_proxy_port": 44000,
    }
    node = Node(**{**given, **fields})
    presence = Presence(id=node.id, last_seen_at=node.last_seen_at)
    world.platform.tables.write(put_new(NODES, node_to_item(node)), "node.registered")
    world.platform.tables.write(presence_store.start(presence, None), "presence.noted")
    return node


def nodes(world: World, count: int, cluster: Cluster = CLUSTER, **fields: Any) -> list[Node]:
    return [a_node(world, cluster, **fields) for _ in range(count)]


def command(world: World, kind: str = "all", text: str = "true", **fields: Any) -> Command:
    """A command; targeting's fields and the command's own may be mixed."""
    own = {
        name: fields.pop(name) for name in ("timeout", "expired_at", "never_expires", "allow_missing") if name in fields
    }
    return world.fleet.commands.registry.create(
        NewCommand(text, Targeting(type=TargetType(kind), **fields), **own), reach=EVERYWHERE
    )


def first_messages(world: World, made: Command) -> list[dict[str, Any]]:
    """What the relay queues for a new command."""
    row = world.driver.row(FAN_OUTS, {"command_id": made.id}) or {}
    parts = row.get("parts") or frozenset()
    return [{"command_id": made.id, "part": part} for part in at_first(sorted(parts))]


def run(world: World, message: dict[str, Any]) -> list[dict[str, Any]]:
    """Handle one message of a fan-out as its worker does; returns the messages that follow: those that it queued, and
    what it noted for the change stream to go on with."""
    key = {"command_id": message["command_id"]}
    before = cursors_of(world.driver.row(FAN_OUTS, key))
    world.call(
        "chalicelib.fleet.workers.create_executions.handler",
        {"Records": [{"messageId": "m", "body": json.dumps(message), "messageAttributes": {}}]},
    )
    noted = cursors_of(world.driver.row(FAN_OUTS, key)).items()
    going_on = [{**key, "part": part, "cursor": cursor} for part, cursor in noted if before.get(part) != cursor]
    return world.queue_client.take(EXECUTION_CREATION) + going_on


def fan_out(world: World, made: Command) -> list[Call]:
    """Run all parts to their end; returns the calls that this took."""
    waiting = deque(first_messages(world, made))
    calls: list[Call] = []
    while waiting:
        waiting.extend(run(world, waiting.popleft()))
        calls += world.platform.tables.meter.calls
    return calls


def executions(world: World) -> list[Item]:
    return world.driver.rows(EXECUTIONS)


def reached(world: World) -> set[str]:
    """The nodes that have an execution."""
    return {str(row["node_id"]) for row in executions(world)}


def an_execution(made: Command, node_id: str, **fields: Any) -> Execution:
    """One that no fan-out has made."""
    given = {
        "id": execution_id(made.id, node_id),
        "command_id": made.id,
        "node_id": node_id,
        "node_cluster_id": CLUSTER.id,
        "node_cluster_name": CLUSTER.name,
        "target_all": True,
        "inserted_at": made.inserted_at,
        "updated_at": made.inserted_at,
    }
    return Execution(**{**given, **fields})
