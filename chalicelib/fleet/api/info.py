"""The texts of the published document about the whole API, its groups of operations and its errors."""

from chalicelib.kit.errors import (
    EdgeError,
    Kind,
    bad_request,
    conflict,
    forbidden,
    invalid,
    not_found,
    rate_limited,
    unauthorized,
    unavailable,
)
from chalicelib.web.endpoint import degraded, internal

DESCRIPTION = (
    "Control plane of a fleet of machines: clusters, enrollment keys, nodes, commands and their executions. "
    "Operators send a key, agents the token of their node, both as `Authorization: Bearer …`; operations with an empty "
    "`security` are open to anyone. Unknown fields and query names are refused; integers and booleans may be sent as "
    "strings. Every answer carries its request id in `meta.request_id` and in the header `x-request-id`."
)

TAGS = {
    "Nodes.Cluster": "Groups of nodes that share a network",
    "Nodes.EnrollmentKey": "What a machine needs to become a node of a cluster",
    "Nodes.Node": "Machines with an agent",
    "Nodes.Alias": "Further names of nodes in their network",
    "Commands.Command": "What is to be run, and where",
    "Commands.CommandExecution": "One command on one node: its state, output and exit code",
    "SelfUpdates.Request": "Updates of the agents themselves",
    "Ssh.SshUsername": "Names under which people log in to nodes",
    "Ssh.SshPublicKey": "The keys that let them in",
    "Events.Webhook": "Receivers of events, and what was delivered to them",
    "Events.Type": "The types of events",
    "Agents": "For agents: enrolment, health and logins",
    "Nodes.Metrics": "What machines and their agents publish about themselves, and where a Prometheus finds it",
    "Admins.Metadata": "Stacks that share an installation, and the clusters that each owns",
    "Admins.Metrics": "Figures of this installation",
    "Agents.Metrics": "For agents: what they publish about themselves",
    "Agents.Alias": "For agents: their further names",
    "Agents.CommandExecution": "For agents: what they have to run",
    "Agents.SelfUpdate": "For agents: whether to update themselves",
    "Agents.Distribution": "For machines: the agent itself",
    "Health": "For probes and readers",
    "Documentation": "Pages for people, and the description of the events",
}

ERRORS = (
    bad_request({"page_size": ["101 is larger than inclusive maximum 100"]}),
    unauthorized(),
    forbidden(),
    not_found(),
    conflict("Cluster name is already taken"),
    EdgeError(Kind.PAYLOAD_TOO_LARGE, "Request body is larger than 1048576 bytes"),
    EdgeError(Kind.UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type. Expected application/json"),
    invalid("name", "is reserved"),
    rate_limited(1),
    internal(),
    unavailable(),
    degraded(),
)
"""Examples of errors: of each status at least one."""
