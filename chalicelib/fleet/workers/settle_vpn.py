"""Makes the mesh follow our rows: one change a message, or one comparison, part by part for as long as the function may
work; the rest of a long one is noted as a task, from which the change stream goes on. A queue and a function of its
own: a mesh that hangs holds up nothing else, and only this function and the API have its key.
"""

from collections.abc import Callable, Mapping

from chalice.app import Blueprint

from chalicelib.fleet.mesh.queues import VPN
from chalicelib.fleet.wiring import Fleet
from chalicelib.fleet.workers.entry import FLEET
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.worktime import WorkTime
from chalicelib.platform.workers.entry import Message, placeholder_arn

Settle = Callable[[Fleet, Message], str | None]
"""Does a part of what a message asks for; returns where the next begins, None at the end."""

PAUSES_SECONDS = (5, 20, 80, 320, 900)
"""Before a message is tried again where the mesh does not answer: far sooner than the queue would by itself. After the
last one it fails, and the queue repeats it until somebody is told."""

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=placeholder_arn(VPN), name="settle_vpn")
@FLEET.long_sqs_worker("settle_vpn", lambda services: (services.platform.queues, services.platform.tasks))
def handler(message: Message, services: Fleet, time: WorkTime) -> None:
    """Messages that were sent before the mode was changed are dropped. Raises ValueError for an unknown kind."""
    if not services.platform.settings.has_mesh:
        return
    settle = _KINDS.get(message["kind"])
    if settle is None:
        raise ValueError(f"the mesh has nothing to follow of kind {message['kind']!r}")
    began_at = message.get("began_at") or services.platform.tasks.begin()
    tries, cursor = message.pop("tries", 0), message.get("cursor")
    try:
        cursor = settle(services, message)
        while cursor is not None and not time.is_over:
            cursor = settle(services, {**message, "cursor": cursor})
    except EdgeError as error:
        if error.kind is not Kind.UNAVAILABLE or tries == len(PAUSES_SECONDS):
            raise
        again = {**message, "tries": tries + 1}
        services.platform.queues.send(VPN, [again], delay_seconds=PAUSES_SECONDS[tries])
        return
    if cursor is not None:
        is_noted = services.platform.tasks.park(message, cursor, began_at, queue=VPN)
        services.platform.log.line("parked", kind=message["kind"], id=message["id"], cursor=cursor, is_noted=is_noted)
    elif "task" in message:
        services.platform.tasks.end(message["task"], began_at)


def _settle_cluster(services: Fleet, message: Message) -> None:
    services.mesh.settling.cluster(message["name"])


def _settle_node(services: Fleet, message: Message) -> None:
    services.mesh.settling.node(message["id"], message["host_id"], message["cluster_name"])


def _settle_alias(services: Fleet, message: Message) -> None:
    services.mesh.settling.alias(message["cluster_name"], message["id"], message["name"])


def _end_joining(services: Fleet, message: Message) -> str | None:
    return _more_keys(message, services.mesh.netmaker.remove_join_keys(message["id"]))


def _drop_old_keys(services: Fleet, message: Message) -> str | None:
    return _more_keys(message, services.mesh.netmaker.remove_join_keys())


def _more_keys(message: Message, removed: int) -> str | None:
    """If some were removed, there may be more; the cursor counts them."""
    return str(int(message.get("cursor") or 0) + removed) if removed else None


def _hand_out_networks(services: Fleet, message: Message) -> str | None:
    services.mesh.netmaker.check()  # where it is away this one message waits, and not one for each network
    names, cursor = services.mesh.reconciling.networks_chunk(message.get("cursor"))
    networks = [{"kind": "network", "id": name} for name in names]
    if "cursor" not in message:
        networks.append({"kind": "old_join_keys", "id": "all"})
    services.platform.queues.send(VPN, networks)
    return cursor


def _repair_network(services: Fleet, message: Message) -> str | None:
    name = message["id"]
    repaired = services.mesh.reconciling.repair_chunk(name, message.get("cursor"))
    if repaired.counts:
        services.platform.log.line("vpn_repaired", cluster=name, repaired=repaired.counts)
    return repaired.cursor


_KINDS: Mapping[str, Settle] = {
    "cluster": _settle_cluster,
    "node": _settle_node,
    "alias": _settle_alias,
    "join_keys": _end_joining,
    "old_join_keys": _drop_old_keys,
    "networks": _hand_out_networks,
    "network": _repair_network,
}
