"""The public event types, in the order of the contract, then ours."""

from enum import StrEnum


class EventType(StrEnum):
    """Values of an event's ``type``."""

    CORE_TEST = "edge.core.test"
    ENROLLMENT_KEY_VERIFIED = "edge.enrollment_key.verified"
    NODE_REGISTERED = "edge.node.registered"
    NODE_REREGISTERED = "edge.node.reregistered"
    NODE_VERSION_CHANGED = "edge.node.version_changed"
    NODE_STATUS_CHANGED = "edge.node.status_changed"
    NODE_CLUSTER_CHANGED = "edge.node.cluster_changed"
    NODE_UPDATE_TRIGGERED = "edge.node.update_triggered"
    EXECUTION_CREATED = "edge.command_execution.created"
    EXECUTION_SENT = "edge.command_execution.sent"
    EXECUTION_COMPLETED = "edge.command_execution.completed"
    EXECUTION_CANCELLED = "edge.command_execution.cancelled"
    EXECUTION_EXPIRED = "edge.command_execution.expired"
    EXECUTION_DROPPED = "edge.command_execution.dropped"
    EXECUTION_PRUNED = "edge.command_execution.pruned"
    SSH_USERNAME_VERIFIED = "edge.ssh_username.verified"
    SELF_UPDATE_REQUEST_COMPLETED = "edge.self_update_request.completed"
    ROLLOUT_STARTED = "edge.rollout.started"
    ROLLOUT_PROGRESSED = "edge.rollout.progressed"
    ROLLOUT_PAUSED = "edge.rollout.paused"
    ROLLOUT_RESUMED = "edge.rollout.resumed"
    ROLLOUT_STOPPED = "edge.rollout.stopped"
    ROLLOUT_FINISHED = "edge.rollout.finished"
