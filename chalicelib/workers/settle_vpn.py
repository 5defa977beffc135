"""Makes the mesh follow our rows: one change a message, or one part of a comparison, of which the next is queued before
this one is answered. A queue and a function of its own: a mesh that hangs holds up nothing else, and only this function
and the API have its key.
"""

from collections.abc import Callable, Mapping, Sequence

from chalice.app import Blueprint

from chalicelib.bootstrap import Services
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.queues import Queue
from chalicelib.vpn.netmaker import MOST_KEYS_REMOVED
from chalicelib.workers.entry import Message, sqs_worker

Settle = Callable[[Services, Message], Sequence[Message]]
"""Does what a message asks for; returns the messages that follow."""

PAUSES_SECONDS = (5, 20, 80, 320, 900)
"""Before a message is tried again where the mesh does not answer: far sooner than the queue would by itself. After the
last one it fails, and the queue repeats it until somebody is told."""

blueprint = Blueprint(__name__)


@blueprint.on_sqs_message(queue_arn=f"arn:aws:sqs:us-east-1:000000000000:{Queue.VPN}", name="settle_vpn")
@sqs_worker("settle_vpn", lambda services: services.queues)
def handler(message: Message, services: Services) -> None:
    """Messages that were sent before the mode was changed are dropped. Raises ValueError for an unknown kind."""
    if not services.settings.has_mesh:
        return
    settle = _KINDS.get(message["kind"])
    if settle is None:
        raise ValueError(f"the mesh has nothing to follow of kind {message['kind']!r}")
    tries = message.pop("tries", 0)
    try:
        following = settle(services, message)
    except EdgeError as error:
        if error.kind is not Kind.UNAVAILABLE or tries == len(PAUSES_SECONDS):
            raise
        services.queues.send(Queue.VPN, [{**message, "tries": tries + 1}], delay_seconds=PAUSES_SECONDS[tries])
        return
    if following:
        services.queues.send(Queue.VPN, following)


def _settle_cluster(services: Services, message: Message) -> Sequence[Message]:
    services.vpn_settling.cluster(message["name"])
    return ()


def _settle_node(services: Services, message: Message) -> Sequence[Message]:
    services.vpn_settling.node(message["id"], message["host_id"], message["cluster_name"])
    return ()


def _settle_alias(services: Services, message: Message) -> Sequence[Message]:
    services.vpn_settling.alias(message["cluster_name"], message["id"], message["name"])
    return ()


def _end_joining(services: Services, message: Message) -> Sequence[Message]:
    """Without an id: what is past its time. A full chunk has another look follow."""
    removed = services.mesh.remove_join_keys(message.get("id"))
    return (message,) if removed == MOST_KEYS_REMOVED else ()


def _hand_out_networks(services: Services, message: Message) -> Sequence[Message]:
    services.mesh.check()  # where it is away this one message waits, and not one for each network
    names, cursor = services.vpn_reconciling.networks_chunk(message.get("cursor"))
    networks: list[Message] = [{"kind": "network", "name": name} for name in names]
    if "cursor" not in message:
        networks.append({"kind": "join_keys"})
    return networks if cursor is None else [*networks, {"kind": "networks", "cursor": cursor}]


def _repair_network(services: Services, message: Message) -> Sequence[Message]:
    repaired = services.vpn_reconciling.repair_chunk(message["name"], message.get("cursor"))
    if repaired.counts:
        services.log.line("vpn_repaired", cluster=message["name"], repaired=repaired.counts)
    return () if repaired.cursor is None else [{**message, "cursor": repaired.cursor}]


_KINDS: Mapping[str, Settle] = {
    "cluster": _settle_cluster,
    "node": _settle_node,
    "alias": _settle_alias,
    "join_keys": _end_joining,
    "networks": _hand_out_networks,
    "network": _repair_network,
}
