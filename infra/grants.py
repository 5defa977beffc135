"""The permissions of each function: least privilege, written down once. `infra.policies` makes the roles' policies of
it.

A missing grant fails the end-to-end run (the local cloud checks policies as AWS does); an unused grant fails the test
that compares the calls of that run with this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.kit.queues import Queue
from infra.functions import FUNCTIONS, Function, QueueSource

GET = frozenset({"GetItem"})
BATCH_GET = frozenset({"BatchGetItem"})
QUERY = frozenset({"Query"})
PUT = frozenset({"PutItem"})
UPDATE = frozenset({"UpdateItem"})
DELETE = frozenset({"DeleteItem"})
CHECK = frozenset({"ConditionCheckItem"})
"""DynamoDB's actions. A transaction is authorised as its single writes, including ConditionCheckItem."""


@dataclass(frozen=True)
class Grants:
    """``tables`` maps a table's name to DynamoDB actions. Query means the indexes, or the table if it has none.

    ``sends`` and ``counts`` name queues that it may send to, and ask about together with their dead letters;
    ``sends_to_owners`` is for the delivery queues of all further stacks of the stage, which are made after the core;
    ``reads_keys`` opens the API keys; ``decrypts`` uses the stage's data key, ``makes_data_key`` makes it;
    ``hands_out_agent`` reads the agent's archives, which also lets it make links to them.
    """

    tables: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sends: tuple[Queue, ...] = ()
    counts: tuple[Queue, ...] = ()
    sends_to_owners: bool = False
    publishes: bool = False
    reads_keys: bool = False
    decrypts: bool = False
    makes_data_key: bool = False
    posts_to_sockets: bool = False
    hands_out_agent: bool = False


GRANTS: Mapping[str, Grants] = {
    "api_handler": Grants(
        tables={
            "clusters": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE | CHECK,
            "subnets": GET | QUERY | PUT | UPDATE | DELETE,
            "nodes": BATCH_GET | QUERY | PUT | UPDATE | DELETE | CHECK,
            "presence": BATCH_GET | PUT | UPDATE,
            "connections": DELETE,
            "node_exclusions": GET | BATCH_GET | UPDATE | DELETE | CHECK,
            "metrics_cache": BATCH_GET | UPDATE,
            "aliases": GET | BATCH_GET | QUERY | PUT | DELETE,
            "enrollment_keys": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE | CHECK,
            "registration_tokens": GET | BATCH_GET | PUT | UPDATE,
            "commands": BATCH_GET | QUERY | PUT | UPDATE,
            "fan_outs": BATCH_GET | PUT | UPDATE | CHECK,
            "executions": GET | BATCH_GET | QUERY | UPDATE | DELETE,
            "ssh_usernames": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE,
            "ssh_public_keys": GET | BATCH_GET | QUERY | PUT | DELETE,
            "ssh_attempts": BATCH_GET | UPDATE,
            "self_update_requests": GET | BATCH_GET | QUERY | PUT | DELETE,
            "self_updates": BATCH_GET | QUERY | UPDATE,
            "webhooks": GET | BATCH_GET | QUERY | PUT | UPDATE | DELETE,
            "webhook_deliveries": GET | BATCH_GET | QUERY | PUT | UPDATE,
            "tasks": UPDATE,
            "occurrences": PUT,
            "admins": GET | QUERY,
            "vpn_networks": GET | UPDATE | DELETE,
            "counters": BATCH_GET | QUERY,
            "data_keys": GET | PUT,
        },
        sends=(Queue.COMMAND_DELIVERY,),
        sends_to_owners=True,
        counts=tuple(Queue),
        reads_keys=True,
        decrypts=True,
        makes_data_key=True,
        posts_to_sockets=True,
        hands_out_agent=True,
    ),
    "websocket_connect": Grants(
        tables={
            "nodes": BATCH_GET | UPDATE | CHECK,
            "presence": BATCH_GET | UPDATE,
            "connections": PUT,
            "node_exclusions": GET,
        }
    ),
    "websocket_message": Grants(
        tables={
            "nodes": BATCH_GET | UPDATE,
            "presence": BATCH_GET | UPDATE,
            "connections": GET | DELETE,
            "executions": QUERY,
            "admins": GET,
        },
        sends=(Queue.COMMAND_DELIVERY,),
        sends_to_owners=True,
        posts_to_sockets=True,
    ),
    "websocket_disconnect": Grants(tables={"presence": UPDATE, "connections": GET | DELETE}),
    "relay_changes": Grants(
        tables={"commands": BATCH_GET, "admins": GET, "counters": PUT | UPDATE},
        sends_to_owners=True,
        sends=tuple(Queue),
    ),
    "create_executions": Grants(
        tables={
            "clusters": BATCH_GET,
            "nodes": BATCH_GET | QUERY,
            "presence": BATCH_GET | UPDATE,
            "connections": DELETE,
            "commands": BATCH_GET,
            "fan_outs": GET | BATCH_GET | UPDATE | CHECK,
            "executions": PUT | QUERY,
        },
        sends=(Queue.EXECUTION_CREATION,),
        posts_to_sockets=True,
    ),
    "deliver_commands": Grants(
        tables={
            "nodes": BATCH_GET,
            "metrics_cache": UPDATE,
            "presence": BATCH_GET | UPDATE,
            "connections": DELETE,
            "commands": BATCH_GET,
            "executions": BATCH_GET | UPDATE,
            "self_updates": BATCH_GET | UPDATE,
            "occurrences": PUT,
            "data_keys": GET,
        },
        sends=(Queue.CLEAN_UP,),
        decrypts=True,
        posts_to_sockets=True,
    ),
    "clean_up": Grants(
        tables={
            "clusters": BATCH_GET,
            "nodes": BATCH_GET | QUERY | UPDATE | CHECK,
            "presence": BATCH_GET | DELETE,
            "connections": DELETE,
            "metrics_cache": DELETE,
            "self_updates": QUERY | DELETE,
            "enrollment_keys": BATCH_GET | QUERY | UPDATE | DELETE,
            "webhooks": BATCH_GET | UPDATE,
            "data_keys": GET,
            "commands": BATCH_GET,
            "fan_outs": GET | BATCH_GET | UPDATE | DELETE,
            "admins": GET,
            "executions": BATCH_GET | QUERY | UPDATE | DELETE,
            "ssh_usernames": BATCH_GET | QUERY | DELETE,
            "ssh_public_keys": DELETE,
            "webhook_deliveries": BATCH_GET | QUERY | UPDATE | DELETE,
            "tasks": GET | UPDATE | DELETE,
            "counters": QUERY | DELETE,
        },
        sends=(Queue.COMMAND_DELIVERY,),
        sends_to_owners=True,
        posts_to_sockets=True,
        decrypts=True,
    ),
    "trigger_updates": Grants(
        tables={
            "clusters": BATCH_GET,
            "nodes": BATCH_GET | QUERY,
            "presence": BATCH_GET,
            "self_update_requests": GET | UPDATE | CHECK,
            "self_updates": BATCH_GET | QUERY | PUT | UPDATE,
            "admins": GET,
        },
        sends=(Queue.SELF_UPDATES, Queue.COMMAND_DELIVERY),
        sends_to_owners=True,
    ),
    "publish_events": Grants(tables={"webhooks": QUERY}, sends=(Queue.WEBHOOK_DELIVERIES,), publishes=True),
    "deliver_webhook": Grants(
        tables={
            "webhooks": BATCH_GET | UPDATE | CHECK,
            "webhook_deliveries": BATCH_GET | PUT | UPDATE | DELETE,
            "counters": UPDATE,
            "data_keys": GET,
        },
        sends=(Queue.WEBHOOK_DELIVERIES,),
        decrypts=True,
    ),
    "sweep_webhooks": Grants(
        tables={
            "webhooks": BATCH_GET | QUERY | UPDATE,
            "webhook_deliveries": BATCH_GET | QUERY | UPDATE,
            "counters": UPDATE,
        },
        sends=(Queue.WEBHOOK_DELIVERIES,),
    ),
    "sweep_commands": Grants(
        tables={
            "fan_outs": BATCH_GET | QUERY | UPDATE,
            "self_update_requests": BATCH_GET | QUERY | UPDATE,
            "tasks": BATCH_GET | QUERY | UPDATE,
            "admins": BATCH_GET | UPDATE,
            "counters": UPDATE,
        },
        sends=(Queue.EXECUTION_CREATION, Queue.CLEAN_UP, Queue.SELF_UPDATES, Queue.VPN),
    ),
    "check_health": Grants(tables={"nodes": UPDATE, "presence": BATCH_GET | QUERY | UPDATE, "counters": UPDATE}),
    "heartbeat": Grants(tables={"admins": GET | QUERY | UPDATE, "clusters": BATCH_GET | QUERY, "counters": UPDATE}),
    "settle_vpn": Grants(
        tables={
            "clusters": BATCH_GET | QUERY,
            "nodes": BATCH_GET | QUERY,
            "aliases": GET | BATCH_GET,
            "vpn_networks": GET | QUERY | UPDATE | DELETE,
            "tasks": GET | UPDATE | DELETE,
        },
        sends=(Queue.VPN,),
        reads_keys=True,
    ),
    "reconcile_vpn": Grants(tables={"admins": GET, "counters": UPDATE}, sends=(Queue.VPN,)),
    "prune_executions": Grants(tables={"counters": UPDATE}, sends=(Queue.CLEAN_UP,)),
    "recount": Grants(
        tables={
            "clusters": QUERY,
            "nodes": QUERY,
            "aliases": QUERY,
            "self_update_requests": QUERY,
            "enrollment_keys": QUERY,
            "commands": QUERY,
            "executions": QUERY,
            "ssh_usernames": QUERY,
            "ssh_public_keys": QUERY,
            "webhooks": QUERY,
            "counters": QUERY | UPDATE,
        }
    ),
}


def is_in_a_loop(function: Function) -> bool:
    """Whether a message to the function can lead, through queues alone, to another message to it. Lambda stops such a
    loop after about 16 rounds, unless the function allows it."""
    reached: set[str] = set()
    ahead = _started_by(function)
    while ahead:
        reached |= {each.name for each in ahead}
        ahead = [further for each in ahead for further in _started_by(each) if further.name not in reached]
    return function.name in reached


def _started_by(function: Function) -> list[Function]:
    """The functions that consume the queues to which it sends."""
    grants = GRANTS[function.name]
    queues = {*grants.sends, *([Queue.COMMAND_DELIVERY] if grants.sends_to_owners else [])}
    return [each for each in FUNCTIONS if isinstance(each.source, QueueSource) and each.source.queue in queues]
