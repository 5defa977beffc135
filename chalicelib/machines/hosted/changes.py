"""The effects of changes of hosted nodes: a worker looks, and their webhooks are told. Pure."""

import uuid
from collections.abc import Iterator
from typing import Any

from chalicelib.kit.changes import Change
from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.queues import Traced
from chalicelib.machines.hosted.export_store import TABLE as EXPORTS
from chalicelib.machines.hosted.model import HostedNode
from chalicelib.machines.hosted.queues import HOSTED_BUILDS
from chalicelib.machines.hosted.store import TABLE, from_item
from chalicelib.platform.context import Send
from chalicelib.platform.webhooks.queues import WEBHOOK_DELIVERIES

STATUS_UPDATED = "NODE_STATUS_UPDATED"
"""The type of the only event of a node's webhook."""

_EVENT_IDS = uuid.UUID("0d7d1a52-6f0c-5f55-9d0e-5a0b6d2f9c41")  # our own namespace for uuid5, chosen once


def on_change(change: Change) -> Iterator[Send]:
    """Have a new build carried out, and send a status that the node's webhook has not been told."""
    if change.new is None:
        return
    if change.table == EXPORTS.name and change.old is None:
        row = change.new
        message = export_message(change.tenant, str(row["node_id"]), str(row["id"]))
        yield Send(HOSTED_BUILDS, Traced(message, change.request_id))
    if change.table != TABLE.name:
        return
    new = from_item(change.new)
    old = None if change.old is None else from_item(change.old)
    if new.build.is_under_way and (old is None or old.build.id != new.build.id):
        yield Send(HOSTED_BUILDS, Traced(message_of(change.tenant, new.id), change.request_id))
    if new.webhook_url and old is not None and new.told != old.told:
        yield Send(WEBHOOK_DELIVERIES, Traced(_delivery(new, change), change.request_id))


def message_of(tenant: str, node_id: str) -> dict[str, str]:
    """The message that has a node looked at."""
    return {"tenant": tenant, "node": node_id}


def look_message(tenant: str, node_id: str, attempts: int) -> dict[str, Any]:
    """The same for the next look at a build under way: it is dropped if another look has come in between."""
    return {**message_of(tenant, node_id), "attempts": attempts}


def export_message(tenant: str, node_id: str, export_id: str) -> dict[str, str]:
    """The message that has an export of logs looked at."""
    return {"tenant": tenant, "node": node_id, "export": export_id}


def _delivery(node: HostedNode, change: Change) -> dict[str, Any]:
    """The message that delivers a status to the node's own webhook, whose id is the node's. The order of the members of
    ``data`` is that of the body."""
    at = to_seconds_text(parse_time(change.at))
    data = {
        "eventType": STATUS_UPDATED,
        "eventTimestamp": at,
        "details": {"nodeId": node.id, "status": node.told},
        "nodeId": node.id,
    }
    name = f"{change.tenant}/{node.id}/{change.stamp('at')}/{node.version}"
    event = {"id": str(uuid.uuid5(_EVENT_IDS, name)), "type": STATUS_UPDATED, "data": data}
    return {"webhook_id": node.id, "queued_at": at, "event": event}
