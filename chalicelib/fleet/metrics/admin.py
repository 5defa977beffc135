"""`AdminMetrics`: figures of this installation, from durable counters and from SQS. Every stack gives the same figures:
the counters belong to the installation, not to a process. They are about a second late.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.fleet.commands.model import REPORTED
from chalicelib.fleet.metrics import totals
from chalicelib.fleet.metrics.admin_model import (
    AdminApplicationFigures,
    AdminCommandFigures,
    AdminDiscoveryFigures,
    AdminEventFigures,
    AdminFigures,
    AdminGatewayFigures,
    AdminMembershipFigures,
    AdminMetadataFigures,
    AdminNodeFigures,
    AdminProxyFigures,
    AdminQueueFigures,
    AdminReconciliationFigures,
    AdminScheduleFigures,
    AdminSelfUpdateFigures,
    AdminSshFigures,
    AdminVpnFigures,
    AdminWebhookFigures,
)
from chalicelib.fleet.metrics.exposition import Family, write_families
from chalicelib.kit.counters import Counters
from chalicelib.kit.errors import unavailable
from chalicelib.kit.queues import Depth, Queue, Queues, QueueUnavailableError


@dataclass(frozen=True)
class State:
    """The totals by name, and the depths of the queues."""

    counts: Mapping[str, int]
    depths: Mapping[Queue, Depth]
    is_degraded: bool

    @property
    def attempts(self) -> dict[str, int]:
        """To deliver to webhooks, by what they came to."""
        named = (totals.FIRST_ATTEMPTED, totals.ATTEMPTED_AGAIN)
        return {outcome: sum(self.counts[names[outcome]] for names in named) for outcome in totals.ATTEMPTS}

    def sum_of(self, names: Mapping[str, str]) -> int:
        return sum(self.counts[name] for name in names.values())


class AdminMetrics:
    """Costs one query of 16 rows a counter (`totals.ALL`), sixteen at the same time, and two calls a queue."""

    def __init__(
        self, counters: Counters, queues: Queues, watched: Sequence[Queue], degraded: Callable[[], bool]
    ) -> None:
        self._counters = counters
        self._queues = queues
        self._watched = watched
        self._degraded = degraded

    def figures(self) -> AdminFigures:
        """As the contract names them. Raises `EdgeError` (service unavailable)."""
        return figures_of(self._read())

    def text(self) -> str:
        """For a scrape. Raises `EdgeError` (service unavailable)."""
        return write_families(families_of(self._read()))

    def _read(self) -> State:
        try:
            depths = self._queues.depths(self._watched)
        except QueueUnavailableError as error:
            raise unavailable() from error
        return State(self._counters.read_many(totals.ALL), depths, self._degraded())


def figures_of(state: State) -> AdminFigures:
    counts, attempts = state.counts, state.attempts
    return AdminFigures(
        application=AdminApplicationFigures(),
        metadata=AdminMetadataFigures(degraded=state.is_degraded, assigned_clusters=counts["clusters"]),
        membership=AdminMembershipFigures(),
        discovery=AdminDiscoveryFigures(),
        nodes=AdminNodeFigures(
            health_checks_total=counts[totals.HEALTH_CHECKS],
            **{f"last_sweep_{status}_count": counts[name] for status, name in totals.NODES.items()},
        ),
        quantum=AdminScheduleFigures(
            jobs_executed_total=state.sum_of(totals.RUNS) + state.sum_of(totals.FAILURES),
            jobs_exceptions_total=state.sum_of(totals.FAILURES),
        ),
        vpn=AdminVpnFigures(),
        commands=AdminCommandFigures(
            execution_delivered_total=counts[totals.STEPS["execution.sent"]],
            execution_completed_total=sum(counts[totals.STEPS[step]] for step in REPORTED),
            execution_dropped_total=counts[totals.STEPS["execution.dropped"]],
            expired_total=counts[totals.STEPS["execution.expired"]],
            expiration_total=counts[totals.RUNS["sweep_commands"]],
            expiration_runs_total=counts[totals.RUNS["sweep_commands"]],
            pruning_total=counts[totals.RUNS["prune_executions"]],
            pruning_runs_total=counts[totals.RUNS["prune_executions"]],
            pruning_deleted_count=counts[totals.STEPS["execution.pruned"]],
            pruned_total=counts[totals.STEPS["execution.pruned"]],
        ),
        ssh=AdminSshFigures(
            verifications_total=counts[totals.SSH_VERIFICATIONS], verifications_failed=counts[totals.SSH_FAILURES]
        ),
        reconciliation=_repairs(counts),
        self_updates=AdminSelfUpdateFigures(completed_total=counts[totals.SELF_UPDATES]),
        gateways=AdminGatewayFigures(),
        proxy=AdminProxyFigures(),
        event_broker=AdminEventFigures(enabled=True, enqueues_total=counts[totals.EVENTS]),
        webhook=AdminWebhookFigures(
            fan_outs_total=state.sum_of(totals.FIRST_ATTEMPTED),
            matched_deliveries_total=state.sum_of(totals.FIRST_ATTEMPTED),
            deliveries_total=sum(attempts.values()),
            deliveries_ok_total=attempts["ok"],
            deliveries_recoverable_total=attempts["recoverable"],
            deliveries_terminal_total=attempts["terminal"],
        ),
        oban_queues=[_queue(queue, depth) for queue, depth in state.depths.items()],
    )


def families_of(state: State) -> list[Family]:
    """The same and a little more, by names of our own."""
    counts = state.counts

    def one(name: str, said: str, value: int) -> Family:
        return Family(f"edge_admin_{name}", said, [({}, value)])

    def many(name: str, said: str, label: str, names: Mapping[str, str]) -> Family:
        return Family(f"edge_admin_{name}", said, [({label: value}, counts[total]) for value, total in names.items()])

    return [
        one("degraded", "1 while the installation is over its capacity", int(state.is_degraded)),
        many("rows", "Rows of a list", "list", {name: name for name in totals.ROWS}),
        many("nodes", "Nodes by status", "status", totals.NODES),
        many("executions", "Command executions by status", "status", totals.EXECUTIONS),
        many("execution_steps_total", "Steps that command executions took", "step", totals.STEPS),
        one("events_total", "Domain events derived from changes", counts[totals.EVENTS]),
        one("health_checks_total", "Nodes that health sweeps looked at", counts[totals.HEALTH_CHECKS]),
        one("ssh_verifications_total", "SSH logins that nodes asked about", counts[totals.SSH_VERIFICATIONS]),
        one("ssh_verification_failures_total", "Of those, refused ones", counts[totals.SSH_FAILURES]),
        one("enrollment_key_verifications_total", "Enrollment keys offered", counts[totals.KEY_VERIFICATIONS]),
        one("self_update_requests_total", "Self-update requests that ended", counts[totals.SELF_UPDATES]),
        one("webhook_events_total", "Events that were tried on a webhook", state.sum_of(totals.FIRST_ATTEMPTED)),
        Family(
            "edge_admin_webhook_attempts_total",
            "Attempts to deliver to webhooks",
            [({"outcome": outcome}, attempts) for outcome, attempts in state.attempts.items()],
        ),
        many("schedule_runs_total", "Runs of a schedule that ended well", "schedule", totals.RUNS),
        many("schedule_failures_total", "Runs of a schedule that failed", "schedule", totals.FAILURES),
        Family("edge_admin_queue_messages", "Messages of a queue by state, as SQS estimates", _queue_samples(state)),
    ]


def _repairs(counts: Mapping[str, int]) -> AdminReconciliationFigures:
    failures = counts[totals.FAILURES["reconcile_vpn"]]
    runs = counts[totals.RUNS["reconcile_vpn"]] + failures
    return AdminReconciliationFigures(total=runs, runs_total=runs, errors_total=failures)


def _queue(queue: Queue, depth: Depth) -> AdminQueueFigures:
    return AdminQueueFigures(
        queue=queue,
        available=depth.waiting,
        scheduled=depth.delayed,
        executing=depth.in_flight,
        retryable=0,
        completed=0,
        discarded=depth.dead,
        cancelled=0,
    )


def _queue_samples(state: State) -> list[tuple[Mapping[str, str], int]]:
    return [
        ({"queue": queue, "state": name}, value)
        for queue, depth in state.depths.items()
        for name, value in (
            ("waiting", depth.waiting),
            ("delayed", depth.delayed),
            ("in_flight", depth.in_flight),
            ("dead", depth.dead),
        )
    ]
