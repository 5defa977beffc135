"""Published fields that several requests, answers and events share, each described once.

A value stands beside the type of the field: ``Annotated[Timestamp | None, SENT_AT]``. A field of one
model only is described there.
"""

from chalicelib.fleet import samples
from chalicelib.kit.fields import about

INSERTED_AT = about("When it was created.", samples.MOMENT)
UPDATED_AT = about("When it last changed.", samples.TWO_SECONDS_LATER)

_NODE = "UUID of the node, chosen by its agent."
NODE = about(_NODE, samples.NODE_ID, format="uuid")
NODE_OF_EVENT = about(_NODE, samples.NODE_ID)
"""The contract's events do not promise the format."""
OWN_ID_OF_NODE = about("UUID that the agent chose for the node.", samples.NODE_ID, format="uuid")
CLUSTER_OF_NODE = about("The cluster that the node belongs to.", samples.CLUSTER)
NODE_STATUS = about(
    "`healthy` and `unhealthy` are the node's last report; `unreachable`: no sign of life for too long.", "healthy"
)
NODE_HOST = about("DNS name of the node in the network of its cluster.", samples.NODE_HOST)
ID_TYPE = about(
    "`persistent`: the node keeps its id when the agent is installed again; `random`: it gets a new one.", "persistent"
)
ENROLLMENT_KEY_OF_NODE = about(
    "UUID of the enrollment key that admitted the node last; null if that was before keys were noted.",
    samples.KEY_ID,
    format="uuid",
)
AGENT_VERSION = about("Version of the node's agent, as the agent reports it.", samples.VERSION)
SELF_UPDATE_ENABLED = about("Whether the agent takes part in self-update requests.", True)
LAST_SEEN_AT = about(
    "When the node last called the API, or last gave a sign of life over its socket.", samples.TWO_SECONDS_LATER
)
BLOCKED_AT = about("When an operator blocked the machine; null if it is not blocked.", None)
IDENTITY_CONFLICT_AT = about(
    "Since when two machines use the identity of this node; neither gets work until `unblock`. Null: no conflict.", None
)

ALIAS = about("UUID of the alias.", samples.ALIAS_ID, format="uuid")
ALIAS_NAME = about("A further name of the node, unique in its cluster.", samples.ALIAS)
ALIAS_HOST = about("DNS name by which the alias is resolved in the network of the cluster.", samples.ALIAS_HOST)

_PORT = {"minimum": 1, "maximum": 65535}
HTTP_PORT = about("TCP port of the agent's own HTTP API.", 44000, **_PORT)
SSH_PORT = about("TCP port of the node's SSH server.", 44022, **_PORT)
HOST_METRICS_PORT = about("TCP port of the machine's node_exporter.", 44100, **_PORT)
WIREGUARD_METRICS_PORT = about("TCP port of the machine's WireGuard exporter.", 44586, **_PORT)
AGENT_METRICS_PORT = about("TCP port of the agent's own metrics: that of its HTTP API.", 44000, **_PORT)
HTTP_PROXY_PORT = about("TCP port of the agent's HTTP proxy.", 44128, **_PORT)
SOCKS5_PROXY_PORT = about("TCP port of the agent's SOCKS5 proxy.", 44180, **_PORT)

EXECUTION = about("UUID of the execution.", samples.EXECUTION_ID, format="uuid")
COMMAND = about("UUID of the command that is run.", samples.COMMAND_ID, format="uuid")
COMMAND_TEXT = about("Command line for the shell of the node.", samples.COMMAND_TEXT)
TIMEOUT = about("Milliseconds that a node lets the command run; null: no limit.", 30000, minimum=1)
DEADLINE = about(
    "Deadline of the command: executions that have no result by then expire. Null: no deadline.", samples.DAY_LATER
)
EXECUTION_STATUS = about(
    "`pending`: not taken yet. `sent`: the agent has taken it. `completed`: it has a result, of whatever exit code. "
    "`cancelled`: stopped by an operator. `expired`: no result before the deadline. `dropped`: its node was deleted.",
    "completed",
)
EXIT_CODE = about("Exit code of the command: 143 if it was cancelled, 124 if it ran out of time; null: no result.", 0)
TARGET_ALL = about("Whether the command was given to all nodes (`targeting.type` `all`).", False)
SENT_AT = about("When the agent took the execution; null: it has not.", samples.SECOND_LATER)
COMPLETED_AT = about("When the command ended, by the agent's clock; null without a result.", samples.TWO_SECONDS_LATER)
CANCELLED_AT = about("When the execution became `cancelled`; null for any other status.", None)
CANCEL_REQUESTED_AT = about(
    "When an operator asked to stop an execution that the agent had already taken; null otherwise.", None
)

COMMAND_STATE = about(
    "`creating`: executions are being created. `running`: some are open. `finished`: all have ended.", "finished"
)
TARGETING = about("The targeting of the request, as the operator wrote it.", samples.TARGETING)

ENROLLMENT_KEY = about("UUID of the enrollment key.", samples.KEY_ID, format="uuid")

SSH_KEY_NAME = about("Label of the key, unique among the keys of the user name.", "laptop of the operations team")
SSH_PUBLIC_KEY = about("Public key in OpenSSH's format: algorithm, base64 and an optional comment.", samples.PUBLIC_KEY)

UPDATE_REQUEST = about("UUID of the self-update request that this is about.", samples.UPDATE_ID, format="uuid")
UPDATE_REQUEST_STATUS = about(
    "`pending`: nodes are not looked for yet. `processing`: nodes are found and told. `completed`: every node has an "
    "outcome.",
    "completed",
)
UPDATES_TOTAL = about("All nodes of the request.", 3, minimum=0)
UPDATES_TRIGGERED = about("Nodes that were told to update and have not failed since.", 2, minimum=0)
UPDATES_FAILED = about("Nodes that refused, failed, or were not reached before the deadline.", 1, minimum=0)
UPDATES_DONE = about("Nodes of `triggered` that have reported the wanted version.", 2, minimum=0)

HOSTNAME = about("Name that the machine gives itself; null if its agent does not tell.", "till-3")
OS_NAME = about("Operating system as its release file names it; null if the agent does not tell.", "debian")
OS_VERSION = about("Version of the operating system; null if the agent does not tell.", "12")
ARCHITECTURE = about("Processor architecture as `uname -m` prints it; null if the agent does not tell.", "x86_64")
KERNEL = about("Release of the kernel; null if the agent does not tell.", "6.1.0-18-amd64")
ADDRESSES = about("Addresses of the machine in its own networks, as its agent sees them.", ["192.168.7.20"])
BOOTED_AT = about("When the machine last started; null if the agent does not tell.", samples.MOMENT)
SSH_HOST_KEYS = about(
    "Public keys of the machine's SSH server, as a line of `known_hosts` has them; empty if it has none.",
    ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFHHJI7qbjh1tCbOZ2lSVFg5cJ3Iy1Rc8hYnlNbDMIVU"],
)
LABELS = about(
    "Labels of the node: those that operators set, then those of its enrollment key, then those of its agent.",
    {"env": "prod", "role": "till"},
)
FEATURES = about("Abilities of the agent, as it names them.", ["environment", "tail"])

DIAGNOSTIC_CHECK = about(
    "The part that was looked at. `database`: the files in which the agent keeps its state. `bootstrap`: its "
    "registration. `ssh_server`, `metrics_servers`: what it serves on the machine.",
    "database",
)
DIAGNOSTIC_STATUS = about("`pass`: works. `warn`: works with a restriction. `fail`: does not work.", "pass")
DIAGNOSTIC_MILLISECONDS = about("Milliseconds that the check took.", 3, minimum=0)
DIAGNOSTIC_DETAILS = about("Figures and names for people.", {"state_directory": "21474836480 bytes free"})
DIAGNOSTIC_SUMMARY = about("The result in a sentence; null if `status` says it all.", "writes are kept")
DIAGNOSED_AT = about("When the agent made the report, by its clock.", samples.TWO_SECONDS_LATER)
