"""Which counters the metrics of this installation are made of, by what they count."""

from chalicelib.kit.counters import happened, total_of

SCHEDULES = (
    *("sweep_commands", "sweep_webhooks", "check_health", "heartbeat"),
    *("recount", "prune_executions", "reconcile_vpn"),
)
"""The functions that the clock starts."""

EXECUTION_RESULTS = ("execution.completed", "execution.reported_cancelled", "execution.reported_expired")
"""Ends that an agent reported."""

EXECUTION_STEPS = ("execution.sent", *EXECUTION_RESULTS, "execution.cancelled", "execution.expired", "execution.pruned")

ATTEMPTS = ("ok", "recoverable", "terminal")
"""What an attempt to deliver an event to a webhook came to: taken, to be tried again, given up."""

RUNS = {name: happened(f"schedule.{name}") for name in SCHEDULES}
FAILURES = {name: happened(f"schedule.{name}.failure") for name in SCHEDULES}
STEPS = {name: happened(name) for name in EXECUTION_STEPS}
FIRST_ATTEMPTED = {outcome: happened(f"webhook.first_attempt.{outcome}") for outcome in ATTEMPTS}
ATTEMPTED_AGAIN = {outcome: happened(f"webhook.attempt.{outcome}") for outcome in ATTEMPTS}
HEALTH_CHECKS = happened("health_check")
EVENTS = happened("event")
SSH_VERIFICATIONS = happened("edge.ssh_username.verified")
SSH_FAILURES = happened("edge.ssh_username.verified.failure")
KEY_VERIFICATIONS = happened("edge.enrollment_key.verified")
SELF_UPDATES = happened("self_update_request.completed")

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
    "webhooks",
)
"""Lists whose totals are shown."""

NODES = {status: total_of("nodes", "status", status) for status in ("healthy", "unhealthy", "unreachable")}
EXECUTIONS = {
    status: total_of("executions", "status", status)
    for status in ("pending", "sent", "completed", "cancelled", "expired")
}

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
