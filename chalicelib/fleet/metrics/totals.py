"""Which counters the metrics of this installation are made of, by what they count.

`SCHEDULES` and `ROWS` repeat names that the contexts declare. The function behind the REST API reads them, and to find
them in the declarations it would import every context (see `Function.loads`). A test compares them.
"""

from chalicelib.fleet.commands.model import STEPS as EXECUTION_STEPS
from chalicelib.fleet.commands.model import Status as ExecutionStatus
from chalicelib.fleet.nodes.model import Status as NodeStatus
from chalicelib.kit.counters import event_counter, total_of

SCHEDULES = (
    *("sweep_commands", "sweep_webhooks", "check_health", "heartbeat"),
    *("recount", "prune_executions", "reconcile_vpn", "sweep_provisioning", "report_strangers"),
)
"""The functions that the clock starts."""

ATTEMPTS = ("ok", "recoverable", "terminal")
"""The outcomes of an attempt to deliver an event to a webhook: accepted, to be retried, given up."""

RUNS = {name: event_counter(f"schedule.{name}") for name in SCHEDULES}
FAILURES = {name: event_counter(f"schedule.{name}.failure") for name in SCHEDULES}
STEPS = {name: event_counter(name) for name in EXECUTION_STEPS}
FIRST_ATTEMPTED = {outcome: event_counter(f"webhook.first_attempt.{outcome}") for outcome in ATTEMPTS}
ATTEMPTED_AGAIN = {outcome: event_counter(f"webhook.attempt.{outcome}") for outcome in ATTEMPTS}
HEALTH_CHECKS = event_counter("health_check")
EVENTS = event_counter("event")
SSH_VERIFICATIONS = event_counter("edge.ssh_username.verified")
SSH_FAILURES = event_counter("edge.ssh_username.verified.failure")
KEY_VERIFICATIONS = event_counter("edge.enrollment_key.verified")
SELF_UPDATES = event_counter("self_update_request.completed")

ROWS = (
    "clusters",
    "nodes",
    "aliases",
    "enrollment_keys",
    "commands",
    "executions",
    "self_update_requests",
    "ssh_usernames",
    "ssh_public_keys",
    "ssh_group_users",
    "scripts",
    "webhooks",
    "api_keys",
)
"""Lists whose totals are shown."""

NODES = {status.value: total_of("nodes", "status", status) for status in NodeStatus}
EXECUTIONS = {status.value: total_of("executions", "status", status) for status in ExecutionStatus}

ALL = (
    *RUNS.values(),
    *FAILURES.values(),
    *STEPS.values(),
    *FIRST_ATTEMPTED.values(),
    *ATTEMPTED_AGAIN.values(),
    HEALTH_CHECKS,
    EVENTS,
    SSH_VERIFICATIONS,
    SSH_FAILURES,
    KEY_VERIFICATIONS,
    SELF_UPDATES,
    *ROWS,
    *NODES.values(),
    *EXECUTIONS.values(),
)
