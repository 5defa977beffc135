"""Commands and updates."""

from edgectl.model import Action, Field, Kind, Resource
from edgectl.resources.shared import CLUSTER, NODE, ON, V1, delete, show

COMMANDS = Resource(
    "commands",
    "Command lines that were given to machines; `edgectl run` gives one.",
    f"{V1}/commands",
    ("id", "command_text", "expired_at", "inserted_at"),
    (Field("command_text", "Only with this text; * stands for any text.", option="text"),),
    actions=(
        show(f"{V1}/commands/{{id}}"),
        Action(
            "cancel", "POST", f"{V1}/commands/{{id}}/cancel", "Stop what is open of it.", asks="Cancel the command {}?"
        ),
        delete(f"{V1}/commands/{{id}}", "Delete the command {} and its executions?"),
    ),
)

EXECUTIONS = Resource(
    "executions",
    "What became of a command on each machine.",
    f"{V1}/command_executions",
    ("id", "node_id", "cluster_name", "outcome", "exit_code", "command_text", "completed_at"),
    (
        Field("command_id", "Only of this command.", option="command"),
        NODE,
        CLUSTER,
        Field("outcome", "Only with this outcome: succeeded, failed, cancelled, expired, open."),
        Field("completed_at__gte", "Only ended since: a time, or a span back as 12h.", Kind.SPAN, "since"),
    ),
    actions=(
        show(f"{V1}/command_executions/{{id}}"),
        Action("cancel", "PATCH", f"{V1}/command_executions/{{id}}/cancel", "Stop one.", asks="Cancel {}?"),
        delete(f"{V1}/command_executions/{{id}}", "Delete the execution {}?"),
    ),
)

UPDATES = Resource(
    "updates",
    "Updates of agents.",
    f"{V1}/self_update_requests",
    ("id", "status", "version", "inserted_at"),
    (Field("status", "Only of this status."),),
    variables={"self_update_request_id": "updates"},
    actions=(
        show(f"{V1}/self_update_requests/{{id}}"),
        Action(
            "create",
            "POST",
            f"{V1}/self_update_requests",
            "Have machines update their agents.",
            (ON, Field("version", "The version; without it the newest.")),
        ),
        Action(
            "nodes",
            "GET",
            f"{V1}/self_update_requests/{{self_update_request_id}}/nodes",
            "What became of it on each machine.",
            columns=("node_id", "status", "outcome", "version"),
        ),
        delete(f"{V1}/self_update_requests/{{id}}", "Delete the request {}?"),
    ),
)
