"""The payload of each event: the shape of its ``data``, declared once and published in the AsyncAPI document.

Contexts fill these shapes (`changes`, occurrences); tests check every event of a whole run against them.
Timestamps of rows have seconds, those of occurrences (``verified_at``) microseconds; all are UTC.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chalicelib.fleet import fields, samples
from chalicelib.kit.fields import about

Status = Literal["healthy", "unhealthy", "unreachable"]
VerificationResult = Literal[
    "verified", "invalid_key", "key_expired", "key_spent", "node_limit_reached", "vpn_enrollment_key_unavailable"
]


MOMENT_WITH_MICROSECONDS = "2026-11-21T10:00:02.184301Z"


class EventData(BaseModel):
    """Base of all payloads. A field with a default may be missing; all others are always there, null included."""

    model_config = ConfigDict(extra="forbid")


class NodeEvent(EventData):
    """The node after the change, without its secrets."""

    node_id: Annotated[str, fields.NODE_OF_EVENT]
    cluster_name: Annotated[str, fields.CLUSTER_OF_NODE]
    enrollment_key_id: Annotated[UUID | None, fields.ENROLLMENT_KEY_OF_NODE]
    status: Annotated[Status, fields.NODE_STATUS]
    version: Annotated[str, fields.AGENT_VERSION]
    id_type: Annotated[Literal["persistent", "random"], fields.ID_TYPE]
    http_port: Annotated[int, fields.HTTP_PORT]
    ssh_port: Annotated[int, fields.SSH_PORT]
    agent_metrics_port: Annotated[int, fields.AGENT_METRICS_PORT]
    host_metrics_port: Annotated[int, fields.HOST_METRICS_PORT]
    wireguard_metrics_port: Annotated[int, fields.WIREGUARD_METRICS_PORT]
    http_proxy_port: Annotated[int, fields.HTTP_PROXY_PORT]
    socks5_proxy_port: Annotated[int, fields.SOCKS5_PROXY_PORT]
    self_update_enabled: Annotated[bool, fields.SELF_UPDATE_ENABLED]
    last_seen_at: Annotated[datetime | None, fields.LAST_SEEN_AT]
    inserted_at: Annotated[datetime, fields.INSERTED_AT]
    updated_at: Annotated[datetime, fields.UPDATED_AT]
    blocked_at: Annotated[
        datetime | None, about("When an operator blocked the machine; missing if it is not blocked.")
    ] = None
    identity_conflict_at: Annotated[
        datetime | None,
        about("Since when two machines use the identity of this node; missing without a conflict."),
    ] = None
    hostname: Annotated[
        str | None, about("Name that the machine gives itself; missing if its agent does not tell.")
    ] = None
    labels: Annotated[dict[str, str] | None, about("Labels of the node; missing if it has none.")] = None
    aliases: Annotated[list[str] | None, about("Further names of the node; missing if it has none.")] = None


class NodeVersionChangedEvent(NodeEvent):
    """The node after it registered again with another version of its agent."""

    previous_version: Annotated[str, about("Version of the agent before that.", samples.VERSION_BEFORE)]


class NodeStatusChangedEvent(NodeEvent):
    """The node after its status changed, or after an identity conflict was noticed."""

    previous_status: Annotated[Status, about("The node's status before that.", "unreachable")]


class NodeClusterChangedEvent(NodeEvent):
    """The node after it moved to another cluster."""

    previous_cluster_name: Annotated[str, about("The cluster that the node belonged to before.", samples.OTHER_CLUSTER)]


class NodeUpdateTriggeredEvent(NodeEvent):
    """The node after its agent was told to update itself."""

    self_update_request_id: Annotated[UUID, about("UUID of the request that told the agent.", samples.UPDATE_ID)]


class CommandExecutionEvent(EventData):
    """An execution after the change. Its output is only in the API."""

    command_execution_id: Annotated[UUID, about("UUID of the execution.", samples.EXECUTION_ID)]
    command_id: Annotated[UUID, fields.COMMAND]
    node_id: Annotated[str, fields.NODE_OF_EVENT]
    cluster_name: Annotated[str, about("The node's cluster when the execution was created.", samples.CLUSTER)]
    command_text: Annotated[
        str | None,
        about(
            "Command line for the shell of the node; null if the command was deleted long ago or the event would be "
            "larger than 200 KiB with it.",
            samples.COMMAND_TEXT,
        ),
    ]
    command_text_omitted: Annotated[
        Literal[True], about("True if the command line was left out for its size; missing otherwise.")
    ] = True
    timeout: Annotated[int | None, fields.TIMEOUT]
    status: Annotated[
        Literal["pending", "sent", "completed", "cancelled", "expired", "dropped"], fields.EXECUTION_STATUS
    ]
    exit_code: Annotated[int | None, fields.EXIT_CODE]
    target_all: Annotated[bool, fields.TARGET_ALL]
    expired_at: Annotated[datetime | None, fields.DEADLINE]
    expires_at: Annotated[datetime | None, about("Another name of `expired_at`.", samples.DAY_LATER)]
    sent_at: Annotated[datetime | None, fields.SENT_AT]
    completed_at: Annotated[datetime | None, fields.COMPLETED_AT]
    cancelled_at: Annotated[datetime | None, fields.CANCELLED_AT]
    inserted_at: Annotated[datetime, fields.INSERTED_AT]
    updated_at: Annotated[datetime, fields.UPDATED_AT]


class RolloutEvent(EventData):
    """How far the rollout of a command is. Its numbers are those of the nodes that it is for."""

    command_id: Annotated[UUID, fields.COMMAND]
    state: Annotated[
        Literal["running", "paused", "stopped", "finished"], about("What the rollout does after this.", "running")
    ]
    reason: Annotated[
        Literal["too_many_errors", "stopped", "cancelled", "deadline"] | None,
        about("Why it stopped, `stopped` if an operator did; null while it has not stopped.", None),
    ]
    max_concurrency: Annotated[int | str, about("How many executions are open at a time at most.", "10%")]
    max_errors: Annotated[
        int | str | None, about("How many executions may fail or expire before it stops; null: any number.", 3)
    ]
    targets: Annotated[int | None, about("How many nodes it is for; null while they are looked for.", 30, minimum=0)]
    open: Annotated[int, about("Executions that had not ended.", 3, minimum=0)]
    ended: Annotated[int, about("Executions that had ended.", 9, minimum=0)]
    errors: Annotated[int, about("Those of the ended ones that failed or expired.", 1, minimum=0)]
    waiting: Annotated[int, about("Nodes whose turn had not come.", 18, minimum=0)]
    skipped: Annotated[int, about("Nodes whose turn had not come when it stopped.", 0, minimum=0)]
    dropped: Annotated[int, about("Nodes that were gone when their turn came.", 0, minimum=0)]
    inserted_at: Annotated[datetime, fields.INSERTED_AT]


class CoreTestEvent(EventData):
    """An operator wants to see that events arrive."""

    message: Annotated[str, about("Why this event was sent.", "An operator asked for this event.")]
    requested_at: Annotated[datetime, about("When it was asked for.", samples.MOMENT)]


class EnrollmentKeyVerifiedEvent(EventData):
    """A machine presented an enrollment key. The key itself is left out."""

    enrollment_key_id: Annotated[UUID | None, about("UUID of the key; null if the key does not exist.", samples.KEY_ID)]
    cluster_name: Annotated[
        str | None,
        about("The cluster that the key admits machines to; null if the key does not exist.", samples.CLUSTER),
    ]
    name: Annotated[str | None, about("Label of the key; null if it has none or does not exist.", samples.KEY_NAME)]
    uses_remaining: Annotated[
        int | None, about("Uses left after this attempt; null for an unlimited key, or if the key does not exist.", 9)
    ]
    result: Annotated[
        VerificationResult,
        about(
            "Whether the key admitted the machine, and why not. `invalid_key` also means a blocked or removed machine; "
            "`vpn_enrollment_key_unavailable` that the mesh gave nothing to join it with: no use was taken."
        ),
    ]
    verified_at: Annotated[datetime, about("When the key was presented.", MOMENT_WITH_MICROSECONDS)]


class SshUsernameVerifiedEvent(EventData):
    """Somebody tried to log in to a node. The password or key is left out."""

    ssh_username_id: Annotated[
        UUID | None, about("UUID of the SSH user name; null if the node does not have it.", samples.USERNAME_ID)
    ]
    node_id: Annotated[str, fields.NODE_OF_EVENT]
    cluster_name: Annotated[
        str | None, about("The node's cluster; null if the node does not have the user name.", samples.CLUSTER)
    ]
    username: Annotated[str, about("The name that was tried, whether the node has it or not.", samples.USERNAME)]
    auth_method: Annotated[
        Literal["password", "public_key", "unknown"], about("The kind of credential that was presented.")
    ]
    result: Annotated[Literal["success", "failure"], about("Whether the user was let in.")]
    verified_at: Annotated[datetime, about("When the login was checked.", MOMENT_WITH_MICROSECONDS)]


class UpdateTargeting(EventData):
    """The targeting of the request, as the operator wrote it. Fields that were not given are missing."""

    type: Annotated[
        Literal["all", "nodes", "clusters"],
        about("All nodes, the nodes of `node_ids`, or those of the clusters in `cluster_names`.", "clusters"),
    ]
    node_ids: Annotated[list[str], about("UUIDs of the nodes that were named.")] = []
    cluster_names: Annotated[list[str], about("Names of the clusters that were named.", [samples.CLUSTER])] = []
    node_filters: Annotated[dict[str, Any], about("Conditions on the node.", {"status": "healthy"})] = {}
    cluster_filters: Annotated[dict[str, Any], about("Conditions on the node's cluster.")] = {}


class UpdateSummary(EventData):
    """Numbers of the request's nodes by outcome."""

    total: Annotated[int, fields.UPDATES_TOTAL]
    triggered: Annotated[int, fields.UPDATES_TRIGGERED]
    failed: Annotated[int, fields.UPDATES_FAILED]
    updated: Annotated[int, fields.UPDATES_DONE] = 0


class SelfUpdateRequestEvent(EventData):
    """A self-update request after its last node has an outcome."""

    self_update_request_id: Annotated[UUID, fields.UPDATE_REQUEST]
    status: Annotated[Literal["pending", "processing", "completed"], fields.UPDATE_REQUEST_STATUS]
    targeting: Annotated[
        UpdateTargeting | None, about("The nodes to update; null if the event would be larger than 200 KiB with it.")
    ]
    targeting_omitted: Annotated[
        Literal[True], about("True if the targeting was left out for its size; missing otherwise.")
    ] = True
    summary: Annotated[UpdateSummary | None, about("Nodes by outcome.")]
    inserted_at: Annotated[datetime, fields.INSERTED_AT]
    updated_at: Annotated[datetime, fields.UPDATED_AT]
