"""What things are called in the mesh: networks ``cluster-{name}``, hosts and names in them ``node-{…}``. Pure."""

import re

NETWORK_PREFIX = "cluster-"
HOST_PREFIX = "node-"

_NODE_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def network_name(cluster_name: str) -> str:
    return f"{NETWORK_PREFIX}{cluster_name}"


def host_name(node_id: str) -> str:
    """What an agent calls its machine in the mesh."""
    return f"{HOST_PREFIX}{node_id}"


def node_id_of(host: str) -> str | None:
    """The node that a host says it is by its name; None for one that is none of ours."""
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
    return label if _LABEL.fullmatch(label) else None


def is_node_id(label: str) -> bool:
    """Whether a label is a node's own name, which the mesh keeps itself, and no alias."""
    return _NODE_ID.fullmatch(label) is not None
