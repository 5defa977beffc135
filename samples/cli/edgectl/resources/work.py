"""Commands and updates."""

from edgectl.model import Action, Field, Kind, Resource
from edgectl.resources.shared import CLUSTER, NAME, NODE, ON, V1, delete, show


def _waves(where: str) -> tuple[Field, Field]:
    """The options of a rollout, in this object of a body."""
    return (
        Field(
            f"{where}max_concurrency",
            "In waves: most machines at a time, as 50 or 10%.",
            Kind.SHARE,
            "max-concurrency",
        ),
        Field(
            f"{where}max_errors", "In waves: stop after more failures than that, as 1 or 5%.", Kind.SHARE, "max-errors"
        ),
    )


COMMANDS = Resource(
    "commands",
    "Command lines that were given to machines; `edgectl run` gives one.",
    f"{V1}/commands",
    ("id", "command_text", "expired_at", "inserted_at"),
    (
        Field("command_text", "Only with this text; * stands for any text.", option="text"),
        Field("script_name", "Only those that run this saved script.", option="script"),
    ),
    ids_tell_time=True,
    actions=(
        show(f"{V1}/commands/{{id}}"),
        Action(
            "cancel", "POST", f"{V1}/commands/{{id}}/cancel", "Stop what is open of it.", asks="Cancel the command {}?"
        ),
        Action("pause", "POST", f"{V1}/commands/{{id}}/pause", "In waves: give it to no more machines for now."),
        Action("resume", "POST", f"{V1}/commands/{{id}}/resume", "In waves: go on where it was paused."),
        Action(
            "stop",
            "POST",
            f"{V1}/commands/{{id}}/stop",
            "In waves: give it to no more machines; what is open goes on.",
            asks="Stop the command {}?",
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

_REFERENCES = "Secret for a sensitive parameter, as PARAMETER=name; may be repeated."

_TIMES = (
    Field("cron", "When: minute, hour, day of month, month, day of week, as '30 2 * * *'."),
    Field("timezone", "The clocks that --cron is meant on, as Europe/Berlin; UTC without it."),
    Field("once_at", "When, once: a time, or a span from now as 90m, 12h.", Kind.MOMENT, "at"),
    Field(
        "if_offline.run_within_seconds", "Seconds within which machines that were off run it.", Kind.NUMBER, "within"
    ),
    Field("if_offline.skip", "Leave out machines that are off.", Kind.FLAG, "skip-offline"),
)

SCHEDULES = Resource(
    "schedules",
    "Commands that are given at a time, or again and again.",
    f"{V1}/schedules",
    ("name", "state", "cron", "timezone", "once_at", "next_runs", "reason"),
    (NAME, Field("state", "Only in this state: active, paused, finished.")),
    names=("name",),
    variables={"schedule_id": "schedules"},
    actions=(
        show(f"{V1}/schedules/{{id}}"),
        Action(
            "create",
            "POST",
            f"{V1}/schedules",
            "Give a command later, with the rights of this key.",
            (
                Field("name", "Its name.", is_required=True),
                Field("command.command_text", "The command line.", option="command"),
                Field("command.script.name", "The saved script, in place of a command line.", option="script"),
                Field("command.script.parameters", "Value of a parameter, as NAME=value.", Kind.PAIRS, "set"),
                Field("command.script.secrets", _REFERENCES, Kind.PAIRS, "secret"),
                Field("command.targeting", ON.help, Kind.TARGETS, "on", is_required=True),
                Field("command.timeout", "Milliseconds that it may take.", Kind.NUMBER, "timeout"),
                *_waves("command.rollout."),
                *_TIMES,
            ),
        ),
        Action(
            "update",
            "PATCH",
            f"{V1}/schedules/{{id}}",
            "Change it; it runs with the rights of this key from then on.",
            (Field("name", "Its new name."), *_TIMES),
        ),
        Action("pause", "POST", f"{V1}/schedules/{{id}}/pause", "Give no commands until it is resumed."),
        Action("resume", "POST", f"{V1}/schedules/{{id}}/resume", "Go on, with the rights of this key."),
        Action(
            "runs",
            "GET",
            f"{V1}/schedules/{{schedule_id}}/runs",
            "The commands that it gave.",
            columns=("planned_at", "result", "count", "command_id", "reason"),
        ),
        delete(f"{V1}/schedules/{{id}}", "Delete the schedule {}?"),
    ),
)

SCRIPTS = Resource(
    "scripts",
    "Saved texts with parameters.",
    f"{V1}/scripts",
    ("name", "version", "description", "updated_at"),
    (NAME,),
    id="name",
    variables={"script_name": "scripts"},
    actions=(
        show(f"{V1}/scripts/{{script_name}}"),
        Action(
            "save",
            "PUT",
            f"{V1}/scripts/{{script_name}}",
            "Save one as a whole: a new one, or its next version.",
            (
                Field(
                    "script_text", "File with its text; - for standard input.", Kind.TEXT_FILE, "file", is_required=True
                ),
                Field("description", "What it is for."),
                Field(
                    "parameters",
                    "A parameter, as 'UNIT enum values=nginx,sshd required'; may be repeated. All of them are given.",
                    Kind.PARAMETERS,
                    "parameter",
                ),
            ),
        ),
        Action(
            "run",
            "POST",
            f"{V1}/scripts/{{script_name}}/run",
            "Run one on machines.",
            (
                ON,
                Field("parameters", "Value of a parameter, as NAME=value; may be repeated.", Kind.PAIRS, "set"),
                Field("secrets", _REFERENCES, Kind.PAIRS, "secret"),
                *_waves("rollout."),
            ),
            follows=True,
        ),
        delete(f"{V1}/scripts/{{script_name}}", "Delete the script {}?"),
    ),
)

SECRETS = Resource(
    "secrets",
    "Values that scripts use by their names; nobody is shown one again.",
    f"{V1}/secrets",
    ("name", "version", "description", "value_changed_at"),
    (NAME,),
    id="name",
    variables={"secret_name": "secrets"},
    actions=(
        show(f"{V1}/secrets/{{secret_name}}"),
        Action(
            "save",
            "PUT",
            f"{V1}/secrets/{{secret_name}}",
            "Save one, or give it another value, which is used from then on.",
            (
                Field(
                    "value",
                    "File with its value, - for standard input. Without it the value stays.",
                    Kind.VALUE_FILE,
                    "value-file",
                ),
                Field("description", "What it opens, and where it comes from."),
            ),
        ),
        delete(f"{V1}/secrets/{{secret_name}}", "Delete the secret {} with its value?"),
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
