"""The internal events of the fleet, by which families above it learn of changes: a part of its public module that
imports nothing.

Facts have ids that stay the same when they are repeated, come in no order, and hold no secret.
"""

NODE_ENROLLED = "fleet.node.enrolled"
NODE_DELETED = "fleet.node.deleted"
NODE_STATUS_CHANGED = "fleet.node.status_changed"
NODE_CLUSTER_CHANGED = "fleet.node.cluster_changed"
NODE_VERSION_CHANGED = "fleet.node.version_changed"
OF_NODES = (NODE_ENROLLED, NODE_DELETED, NODE_STATUS_CHANGED, NODE_CLUSTER_CHANGED, NODE_VERSION_CHANGED)

EXECUTION_ENDED = "fleet.execution.ended"
"""A command ended on a node, without its text and its output."""

LOGIN_REFUSED = "fleet.ssh.login_refused"
"""A login to a node was refused for its credential, without anything that was typed."""

METRICS_PUSHED = "fleet.metrics.pushed"
"""A few figures of a machine."""

FACTS = (*OF_NODES, EXECUTION_ENDED, LOGIN_REFUSED, METRICS_PUSHED)
