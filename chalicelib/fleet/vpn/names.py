"""Names in the mesh: networks ``cluster-{name}``, hosts and DNS names in them ``node-{…}``. Pure."""

import hashlib
import re

from chalicelib.kit.ids import Ids
from chalicelib.kit.labels import is_label

NETWORK_PREFIX = "cluster-"
HOST_PREFIX = "node-"

_NODE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_JOIN_TAG = re.compile(r"j[0-9a-f]{18}-([0-9a-f]{8})[0-9a-f]{4}")


def network_name(cluster_name: str) -> str:
    return f"{NETWORK_PREFIX}{cluster_name}"


def host_name(node_id: str) -> str:
    """The host name of a node's machine in the mesh."""
    return f"{HOST_PREFIX}{node_id}"


def node_id_of(host: str) -> str | None:
    """The node id in a host's name; None for a foreign host."""
    node_id = host.removeprefix(HOST_PREFIX)
    return node_id if host.startswith(HOST_PREFIX) and _NODE_ID.fullmatch(node_id) else None


def dns_name(label: str, cluster_name: str) -> str:
    """How a node's id or alias stands in the mesh's DNS, which keeps names without its default domain."""
    return f"{HOST_PREFIX}{label}.{network_name(cluster_name)}"


def label_of(name: str, cluster_name: str, domain: str) -> str | None:
    """The id or alias in a DNS name, with or without the default domain; None for a name of another form."""
    bare = name.removesuffix(f".{domain}")
    ending = f".{network_name(cluster_name)}"
    if not bare.startswith(HOST_PREFIX) or not bare.endswith(ending):
        return None
    label = bare.removeprefix(HOST_PREFIX).removesuffix(ending)
    return label if is_label(label) else None


def is_node_id(label: str) -> bool:
    """Whether a label is a node's own name, which the mesh keeps itself, and no alias."""
    return _NODE_ID.fullmatch(label) is not None


def join_tag(key_id: str, node_id: str | None, expires_epoch: int, ids: Ids) -> str:
    """A name for the key by which one machine joins: which enrollment key it is for and which node, if that is known,
    and when it ends (seconds since 1970). Netmaker takes 32 characters, and a name only once."""
    return (
        f"{join_tag_start(key_id, node_id or ids.token_bytes(16).hex())}-{expires_epoch:08x}{ids.token_bytes(2).hex()}"
    )


def join_tag_start(key_id: str, node_id: str = "") -> str:
    """How the names begin of all such keys for an enrollment key, or of those for one node."""
    start = f"j{_short(key_id)}"
    return f"{start}{_short(node_id)}" if node_id else start


def join_tag_ends(tag: str) -> int | None:
    """When the key of this name ends, seconds since 1970; None for a name of another form."""
    found = _JOIN_TAG.fullmatch(tag)
    return None if found is None else int(found[1], 16)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:9]
