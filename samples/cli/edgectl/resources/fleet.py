"""Machines, and their membership in clusters."""

from edgectl.model import Action, Field, Kind, Resource
from edgectl.resources.shared import CLUSTER, EXPIRES, NAME, NODE, V1, delete, show

CLUSTERS = Resource(
    "clusters",
    "Groups of machines.",
    f"{V1}/clusters",
    ("name", "node_count", "node_limit", "ipv4_range", "inserted_at"),
    (NAME,),
    id="name",
    actions=(
        show(f"{V1}/clusters/{{name}}"),
        Action(
            "create",
            "POST",
            f"{V1}/clusters",
            "Make one.",
            (
                Field("name", "Its name.", is_required=True),
                Field("ipv4_range", "Range of its addresses, as 10.20.0.0/24."),
                Field("node_limit", "Most machines in it.", Kind.NUMBER),
            ),
        ),
        Action(
            "update",
            "PATCH",
            f"{V1}/clusters/{{name}}",
            "Change its limit.",
            (Field("node_limit", "Most machines in it; none: no limit.", Kind.NUMBER, clears=True),),
        ),
        delete(f"{V1}/clusters/{{name}}", "Delete the cluster {}?"),
    ),
)

_KEY_FIELDS = (
    Field("name", "What it is for."),
    Field("labels", "Label of the machines that enrol with it, as env=prod; may be repeated.", Kind.PAIRS, "label"),
    Field("uses_remaining", "Machines that may enrol with it; none: any number.", Kind.NUMBER, "uses", clears=True),
    EXPIRES,
)
_PASTE = """On the machine:
  curl -fsS {url}/agent/install.sh -o install.sh && echo '{key}' | sudo sh install.sh --key-file -"""

ENROLLMENT_KEYS = Resource(
    "keys",
    "Enrollment keys: what a machine joins with.",
    f"{V1}/enrollment_keys",
    ("id", "name", "cluster_name", "uses_remaining", "expired_at", "last_used_at"),
    (CLUSTER, NAME),
    names=("name",),
    variables={"cluster_name": "clusters"},
    actions=(
        show(f"{V1}/enrollment_keys/{{id}}"),
        Action(
            "create",
            "POST",
            f"{V1}/clusters/{{cluster_name}}/enrollment_keys",
            "Make one for a cluster.",
            _KEY_FIELDS,
            hint=_PASTE,
        ),
        Action(
            "create-default",
            "POST",
            f"{V1}/clusters/default/enrollment_keys",
            "Make one for the default cluster.",
            _KEY_FIELDS,
            hint=_PASTE,
        ),
        Action("update", "PATCH", f"{V1}/enrollment_keys/{{id}}", "Change one.", _KEY_FIELDS),
        delete(f"{V1}/enrollment_keys/{{id}}", "Delete the key {}? Machines that enrolled with it stay."),
    ),
)

NODES = Resource(
    "nodes",
    "Machines.",
    f"{V1}/nodes",
    ("id", "hostname", "aliases", "cluster_name", "labels", "status", "last_seen_at"),
    (
        CLUSTER,
        Field("status", "Only of this status: healthy, unhealthy, unreachable."),
        Field("version", "Only with this version of the agent."),
        Field("hostname", "Only of this host name; * stands for any text."),
        Field("labels", "Only with this label, as env=prod; may be repeated.", Kind.LABEL_FILTER, "label"),
    ),
    variables={"node_id": "nodes", "cluster_name": "clusters"},
    actions=(
        show(f"{V1}/nodes/{{id}}"),
        Action(
            "label",
            "PATCH",
            f"{V1}/nodes/{{id}}",
            "Set labels, or take them off.",
            (
                Field(
                    "labels",
                    "Label as env=prod; env= takes it off; may be repeated.",
                    Kind.LABELS,
                    "set",
                    is_required=True,
                ),
            ),
        ),
        Action(
            "move",
            "PATCH",
            f"{V1}/nodes/{{id}}/change_cluster",
            "Move one to another cluster.",
            (Field("cluster_name", "The other cluster.", option="to", is_required=True),),
        ),
        Action(
            "block",
            "POST",
            f"{V1}/nodes/{{id}}/block",
            "Keep a machine out until it is unblocked.",
            asks="Keep {} out?",
        ),
        Action("unblock", "POST", f"{V1}/nodes/{{id}}/unblock", "Let a machine in again."),
        delete(f"{V1}/nodes/{{id}}", "Delete the node {}? Its machine can come back with a newer key only."),
        Action("diagnose", "GET", f"{V1}/nodes/{{id}}/diagnostics", "What its agent finds wrong with it."),
        Action(
            "recovery-key",
            "POST",
            f"{V1}/nodes/{{id}}/recovery_key",
            "Make a key for a machine that has lost its token. It is shown once.",
        ),
        Action("delete-recovery-key", "DELETE", f"{V1}/nodes/{{id}}/recovery_key", "Take that key away."),
        Action("metrics", "GET", f"{V1}/nodes/{{node_id}}/metrics", "Its figures."),
        Action("host-metrics", "GET", f"{V1}/nodes/{{node_id}}/metrics/host", "Figures of its host."),
        Action("agent-metrics", "GET", f"{V1}/nodes/{{node_id}}/metrics/agent", "Figures of its agent."),
    ),
)

ALIASES = Resource(
    "aliases",
    "Further names of machines.",
    f"{V1}/aliases",
    ("name", "node_id", "cluster_name", "vpn_hostname"),
    (NAME, CLUSTER, NODE),
    names=("name",),
    variables={"node_id": "nodes"},
    actions=(
        show(f"{V1}/aliases/{{id}}"),
        Action(
            "create",
            "POST",
            f"{V1}/nodes/{{node_id}}/aliases",
            "Give a machine one.",
            (Field("name", "The name.", is_required=True),),
        ),
        delete(f"{V1}/aliases/{{id}}", "Delete the alias {}?"),
    ),
)
