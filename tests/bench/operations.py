"""What each operation may ask of DynamoDB: calls, read units, write units, in `Scene`, where lists are short.

Calls are the design's ceilings where it names one: by id 1, and 1 for an embedded parent; a first page 4, sharded ones
3 more, nodes 1 more; agents that find nothing to do 2, and 3 when last_seen_at is due; enrolment a transaction and 2
reads; a new command 1 transaction. A deletion by an operator also writes its row of the audit log with four index
entries, 6 units. Any other act of an operator adds its verb to the row, some 30 bytes, which costs a unit where the row
was just below a whole KB. All other numbers are what an operation was made to cost: a change that raises one has to say
why.
"""

from dataclasses import dataclass

from chalicelib.settings import Settings
from tests.bench.scene import Scene
from tests.support.client import HttpAnswer
from tests.support.operations.fleet import (
    EDGE_ADMIN,
    Options,
    Prepare,
    a_watchable_execution,
    acknowledged,
    as_it_is,
    coming_back,
    idle,
    idle_for_a_while,
    naming_a_secret,
    not_heard_of_for_a_while,
    reporting,
    with_a_secret,
)


@dataclass(frozen=True)
class Operation:
    """One request. ``prepare`` arranges what it needs, None as `EDGE_ADMIN` says; ``note`` tells cases of one view
    apart; ``transactions`` are among ``calls``."""

    view: str
    calls: int
    read_units: float = 0.0
    write_units: float = 0.0
    prepare: Prepare | None = None
    note: str = ""
    transactions: int = 0

    @property
    def name(self) -> str:
        return f"{self.view} ({self.note})" if self.note else self.view

    @property
    def changes_nothing(self) -> bool:
        """Whether the scene is afterwards as it was."""
        return self._preparing is as_it_is and not self.write_units

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def scene() -> Scene:
        """The scene in which it is asked, with an installation's own defaults for limits and hidden secrets."""
        usual = Settings()
        return Scene(
            key_requests_per_minute=usual.key_requests_per_minute, reveal_node_secrets=usual.reveal_node_secrets
        )

    def ask(self, scene: Scene) -> HttpAnswer:
        """Its calls are the scene's `calls` then. A container answers it to which the caller has not spoken lately."""
        options = dict(self._preparing(scene))
        scene.world.platform.__dict__.pop("limits", None)  # a part that is built when it is asked for
        return scene.ask(self.view, **options)

    @property
    def _preparing(self) -> Prepare:
        return EDGE_ADMIN[self.view] if self.prepare is None else self.prepare


def _write(
    view: str, calls: int, reads: float, writes: float, prepare: Prepare | None = None, note: str = ""
) -> Operation:
    """One that ends with a transaction."""
    return Operation(view, calls, reads, writes, prepare, note, transactions=1)


def by_a_named_key(scene: Scene) -> Options:
    """The container has seen the key, and its use was noted just now."""
    key = scene.ask("create_api_key", json={"name": "dashboard", "role": "viewer"}).data["key"]
    scene.ask("get_node", key=key)
    return {"key": key}


def by_a_named_key_after_a_minute(scene: Scene) -> Options:
    options = by_a_named_key(scene)
    scene.world.clock.advance(61)
    return options


CLUSTERS = (
    _write("create_cluster", 4, 2, 7),
    Operation("list_clusters", 5, 5),
    Operation("get_cluster", 2, 1.5),
    Operation("update_cluster", 3, 1.5, 2),
    _write("delete_cluster", 3, 2, 16),
)
KEYS = (
    _write("create_key", 2, 1, 6),
    _write("create_default_key", 2, 1, 6),
    _write("create_public_key", 2, 1, 6),
    # Keys that are shown are in the audit log: 5 units for one, 6 for each of several.
    _write("list_keys", 4, 2.5, 12),
    Operation("get_key", 2, 1, 5),
    Operation("update_key", 2, 1, 3),
    _write("delete_key", 2, 1, 10),
)
NODES = (
    Operation("list_nodes", 8, 6.5),
    Operation("get_node", 1, 2),
    _write("update_node", 2, 2, 7),
    _write("delete_node", 2, 2, 27),
    # With the task that serves it for the commands that it would miss.
    _write("change_cluster", 3, 3, 23),
    _write("move_node", 3, 3, 23),
    _write("block_node", 2, 3, 13),
    _write("unblock_node", 2, 3, 8),
    Operation("show_node_metrics", 2, 4),
    Operation("create_recovery_key", 2, 2, 4),
    Operation("delete_recovery_key", 2, 2, 4),
    Operation("diagnose_node", 2, 3),
    Operation("show_host_metrics", 2, 3),
    Operation("show_agent_metrics", 2, 3),
    Operation("show_raw_host_metrics", 2, 3),
    Operation("show_raw_agent_metrics", 2, 3),
    Operation("show_raw_wireguard_metrics", 2, 3),
    Operation("discover_host_metrics", 8, 4),
    Operation("discover_agent_metrics", 8, 4),
    Operation("discover_wireguard_metrics", 8, 4),
)
ALIASES = (
    _write("create_alias", 2, 1, 11),
    Operation("list_aliases", 7, 3.5),
    Operation("get_alias", 1, 1),
    _write("delete_alias", 3, 2, 14),
)

KEY = {"headers": {"Idempotency-Key": "3f0c5a52-9d2b-4d5e-8a53-0d9f0a4f3c11"}}


def with_a_key(_: Scene) -> Options:
    return KEY


def repeated(view: str) -> Prepare:
    """It has been asked with the same key before."""

    def prepare(scene: Scene) -> Options:
        scene.ask(view, **KEY)
        return KEY

    return prepare


# With an Idempotency-Key: a read of its record, which is one item more in the transaction. A change that is one write
# by itself is billed twice in a transaction. A repeat asks for the record alone.
REPEATS = (
    _write("create_command", 8, 6, 24, with_a_key, "with a key"),
    _write("create_self_update_request", 2, 1, 6, with_a_key, "with a key"),
    _write("rotate_webhook_secret", 3, 2, 4, with_a_key, "with a key"),
    Operation("create_command", 1, 1, 0, repeated("create_command"), "again with its key"),
)
COMMANDS = (
    # Its two executions with it: the targets by four partitions, and who of them has a socket.
    _write("create_command", 7, 5, 22),
    Operation("list_commands", 4, 1.5),
    Operation("get_command", 5, 5),
    # A command has a deadline, so its row stands in the index of what is due: a unit more here and below.
    Operation("cancel_command", 1, 0, 3),
    # The command, its executions by index, four partitions at a time, and the new command's transaction.
    _write("retry_command", 13, 11, 22),
    # A read of the command with its fan-out, and one write.
    Operation("pause_command", 2, 2, 1),
    Operation("resume_command", 2, 2, 3),
    Operation("stop_command", 2, 2, 3),
    _write("delete_command", 6, 4, 7),
    Operation("list_executions", 8, 5.5),
    Operation("get_execution", 2, 2),
    Operation("get_execution_output", 2, 2),
    # Execution and command, node and presence, and a ticket with its row of the audit log.
    Operation("create_tail", 4, 4, 8, a_watchable_execution, transactions=1),
    _write("delete_execution", 3, 2, 15),
    Operation("cancel_execution", 1, 0, 5, note="pending"),
    # The first of the two finds that it is no longer pending, and is billed all the same.
    Operation("cancel_execution", 2, 0, 3, acknowledged, "sent"),
    Operation("cancel_and_get_execution", 3, 2, 5, note="pending"),
)
SCHEDULES = (
    # A schedule and its name, in one transaction. Two indexes follow the schedule.
    _write("create_schedule", 1, 0, 6),
    Operation("list_schedules", 2, 1.5),
    Operation("get_schedule", 1, 1),
    _write("update_schedule", 2, 1, 5),
    _write("pause_schedule", 2, 1, 4),
    _write("resume_schedule", 2, 1, 4),
    _write("delete_schedule", 2, 1, 12),
    Operation("list_schedule_runs", 2, 1.5),
)
SCRIPTS = (
    # The script is read, then written if it has not changed since.
    Operation("save_script", 2, 1, 1),
    Operation("list_scripts", 4, 1.5),
    Operation("get_script", 1, 1),
    _write("delete_script", 2, 1, 9),
    _write("run_script", 7, 5, 22),
    # Its node and its secrets are looked for, each in a call.
    _write("run_script", 6, 5, 14, naming_a_secret, "with a secret"),
    # The secret is read and opened, then written if it has not changed since; a deletion returns its quota.
    Operation("save_secret", 2, 1, 1),
    Operation("list_secrets", 4, 1.5),
    Operation("get_secret", 1, 1),
    _write("delete_secret", 2, 1, 11),
)
UPDATES = (
    Operation("create_self_update_request", 1, 0, 3),
    Operation("list_self_update_requests", 4, 1.5),
    Operation("get_self_update_request", 1, 1),
    Operation("list_nodes_of_self_update_request", 18, 10),
    _write("delete_self_update_request", 1, 0, 12),
)
SSH = (
    # Names and keys stand in an index each by which a person's access is found.
    _write("create_ssh_username", 2, 1, 14),
    Operation("list_ssh_usernames", 4, 1.5),
    Operation("get_ssh_username", 1, 1),
    _write("delete_ssh_username", 2, 1, 23),
    _write("create_ssh_public_key", 2, 1, 9),
    Operation("list_ssh_public_keys", 4, 2.5),
    Operation("get_ssh_public_key", 1, 1),
    _write("delete_ssh_public_key", 3, 2, 15),
    _write("create_ssh_group_user", 2, 1, 6),
    Operation("list_ssh_group_users", 4, 1.5),
    Operation("get_ssh_group_user", 1, 1),
    Operation("update_ssh_group_user", 2, 1, 3),
    _write("delete_ssh_group_user", 2, 1, 10),
    _write("revoke_ssh_access", 1, 0, 5),
)
WEBHOOKS = (
    Operation("create_webhook", 1, 0, 2),
    Operation("list_webhooks", 4, 1.5),
    Operation("get_webhook", 1, 1),
    _write("delete_webhook", 2, 1, 12),
    Operation("rotate_webhook_secret", 2, 1, 1),
    Operation("send_test_event", 2, 1, 3),
    _write("redeliver_failed", 2, 1, 9),
    Operation("list_deliveries", 8, 4),
    Operation("get_delivery", 2, 2),
    Operation("redeliver_one", 3, 2, 4),
    Operation("list_event_types", 0),
    _write("publish_test_event", 1, 0, 2),
    Operation("explain_event_type", 0),
)
AUDIT = (
    # Keys and count of four partitions, and the rows of the page: the log has no counter.
    Operation("list_audit_events", 5, 12),
)
ADMINS = (
    Operation("show_admin", 1, 0.5),
    Operation("show_admin_name", 0),
    Operation("show_admin_cluster", 1, 0.5),
    Operation("list_admin_clusters", 1, 1),
    Operation("list_edge_clusters", 1, 0.5),
    Operation("list_orphaned_clusters", 1, 0.5),
    # One query for each total that they show.
    Operation("show_admin_metrics", 60, 30),
    Operation("show_raw_admin_metrics", 60, 30),
)
AGENTS = (
    _write("verify_key", 3, 6, 8),
    _write("register_node", 3, 4, 21),
    _write("register_node", 2, 3, 6, coming_back, "again"),
    _write("leave", 3, 4, 21),
    Operation("report_health", 2, 2, note="nothing to note"),
    Operation("report_health", 3, 2, 1, not_heard_of_for_a_while, "last_seen_at is due"),
    # One write more where a family above has asked for the fact.
    Operation("push_diagnostics", 2, 2, 1),
    Operation("push_metrics", 3, 2, 2),
    _write("create_own_alias", 3, 3, 11),
    Operation("list_own_executions", 2, 2.5, 0, idle, "nothing to do"),
    Operation("list_own_executions", 3, 2.5, 1, idle_for_a_while, "last_seen_at is due"),
    Operation("list_own_executions", 3, 3.5, note="with work"),
    Operation("acknowledge_execution", 3, 3, 5),
    Operation("acknowledge_executions", 3, 3, 5, note="of one"),
    Operation("report_result", 2, 2, 5),
    Operation("report_result", 2, 2, 29, reporting(40), "40 KB of output"),
    Operation("create_output_upload", 2, 3),
    Operation("get_execution_environment", 3, 4, note="without secrets"),
    Operation("get_execution_environment", 4, 5, 0, with_a_secret, "of a secret"),
    Operation("check_self_update", 3, 3.5),
    # Its older requests that wait for it are read as well.
    Operation("report_self_update", 6, 6.5, 1),
    Operation("get_bundle", 1, 2, note="of a node"),
    # The user names of node and cluster, failed attempts, and four rows that may say that access was taken away.
    _write("verify_ssh_credentials", 3, 9, 6),
    # Of each session the same rows but the failed attempts.
    Operation("check_ssh_sessions", 2, 8, note="one session"),
)
API_KEYS = (
    Operation("create_api_key", 1, 0, 2),
    Operation("list_api_keys", 4, 1.5),
    Operation("get_api_key", 1, 1),
    Operation("update_api_key", 2, 1, 3),
    Operation("rotate_api_key", 2, 1, 2),
    Operation("revoke_api_key", 2, 1, 3),
    Operation("get_node", 2, 3, 0, by_a_named_key, "by a named key"),
    Operation("get_node", 3, 3, 1, by_a_named_key_after_a_minute, "by a named key, whose use is due"),
)
OUTSIDE_THE_TABLES = tuple(
    Operation(view, 0)
    for view in (
        *("livez", "ping", "openapi", "list_apis", "show_guide", "show_swagger_ui", "show_api_reference"),
        *("show_event_reference", "show_asyncapi", "get_installer", "serve_assistant"),
    )
)
PROBES = (Operation("healthz", 1, 0.5), Operation("readyz", 1, 0.5))

OPERATIONS: tuple[Operation, ...] = (
    *CLUSTERS,
    *KEYS,
    *NODES,
    *ALIASES,
    *COMMANDS,
    *REPEATS,
    *SCHEDULES,
    *SCRIPTS,
    *UPDATES,
    *SSH,
    *WEBHOOKS,
    *AUDIT,
    *ADMINS,
    *API_KEYS,
    *AGENTS,
    *PROBES,
    *OUTSIDE_THE_TABLES,
)
FILES = frozenset({"show_script", "show_style"})
"""Files from the package, for browsers: asked for by names that change with their contents."""
