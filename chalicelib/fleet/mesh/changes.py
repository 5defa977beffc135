"""Changes of clusters, nodes, keys and aliases that the mesh follows. Pure."""

from collections.abc import Iterator

from chalicelib.fleet.aliases.store import TABLE as ALIASES
from chalicelib.fleet.clusters.store import TABLE as CLUSTERS
from chalicelib.fleet.enrollment.store import TABLE as ENROLLMENT_KEYS
from chalicelib.fleet.mesh.queues import VPN
from chalicelib.fleet.nodes.store import NODES
from chalicelib.kit.changes import Change
from chalicelib.platform.context import Send

FOLLOWS = (CLUSTERS, NODES, ENROLLMENT_KEYS, ALIASES)

_MESH_ATTRIBUTES = ("cluster_id", "netmaker_host_id")
"""The attributes of a node that say where it is in the mesh."""


def on_change(change: Change) -> Iterator[Send]:
    """Queue what the mesh has to follow. A node's message names the host and the cluster that it had before."""
    row, old, new = change.row, change.old, change.new
    match change.table:
        case "clusters" if old is None or new is None:
            yield Send(VPN, {"kind": "cluster", "name": row["name"]})
        case "nodes" if old is not None and (
            new is None or any(old.get(key) != new.get(key) for key in _MESH_ATTRIBUTES)
        ):
            before = {"host_id": old.get("netmaker_host_id"), "cluster_name": old["cluster_name"]}
            yield Send(VPN, {"kind": "node", "id": row["id"], **before})
        case "enrollment_keys" if new is None and row.get("last_used_at") is not None:
            yield Send(VPN, {"kind": "join_keys", "id": row["id"]})
        case "aliases":
            yield Send(
                VPN, {"kind": "alias", "id": row["id"], "cluster_name": row["cluster_name"], "name": row["name"]}
            )
