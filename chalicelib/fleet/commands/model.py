"""The models of commands, fan-outs and executions, and the inputs and results of the use cases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from chalicelib.fleet.commands.rollout import RolloutLimits, Standing
from chalicelib.fleet.targeting.model import Targeting


class ScheduleName(BaseModel, frozen=True):
    """The schedule that gave a command, by its name at that time."""

    id: str
    name: str


class ScriptVersion(BaseModel, frozen=True):
    """The saved script that a command runs, by its name and version at that time."""

    name: str
    version: int


class Command(BaseModel, frozen=True):
    """Never updated. A deleted one stays as a tombstone for a day, since late events still name its text and deadline.

    ``timeout`` is in milliseconds, as in the contract. ``expired_at`` is the deadline. Times are UTC seconds text.
    ``secrets`` are names of secrets by the variables that the command finds their values in.
    """

    id: str
    command_text: str
    targeting: Targeting
    timeout: int | None = None
    expired_at: str | None = None
    schedule: ScheduleName | None = None
    script: ScriptVersion | None = None
    secrets: Mapping[str, str] = Field(default_factory=dict)
    rollout: RolloutLimits | None = None
    inserted_at: str
    updated_at: str
    deleted_at: str | None = None
    version: int = 0

    @property
    def retry_of(self) -> str | None:
        """The command whose executions it repeats."""
        return self.targeting.command_id

    @property
    def is_deleted(self) -> bool:
        return self.deleted_at is not None

    def is_expired_at(self, now: str) -> bool:
        """Whether the deadline has come; ``now`` in seconds text."""
        return self.expired_at is not None and self.expired_at <= now


class Status(StrEnum):
    """The status of an execution. ``sent`` means that the agent has acknowledged it, ``dropped`` that its node was
    deleted before there was a result."""

    PENDING = "pending"
    SENT = "sent"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DROPPED = "dropped"


class Outcome(StrEnum):
    """The outcome of an execution: its status, with success and failure distinguished by the exit code. ``open`` has
    not ended."""

    OPEN = "open"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DROPPED = "dropped"


class RetriedOutcome(StrEnum):
    """The outcomes that a retry takes."""

    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


REPORTED = ("execution.completed", "execution.reported_cancelled", "execution.reported_expired")
"""Operations that write the end that an agent reported."""

STEPS = (
    *("execution.sent", *REPORTED, "execution.cancelled", "execution.expired", "execution.dropped"),
    "execution.pruned",
)
"""Operations that metrics count."""

OPEN = (Status.PENDING, Status.SENT)
WITHOUT_RESULT = (Status.CANCELLED, Status.EXPIRED, Status.DROPPED)
FINAL = (Status.COMPLETED, *WITHOUT_RESULT)


def outcome_of(status: str, exit_code: object) -> Outcome:
    """The outcome of an execution in this status. Without an exit code, a completed one succeeded."""
    match status:
        case Status.COMPLETED:
            return Outcome.SUCCEEDED if exit_code in {None, 0} else Outcome.FAILED
        case Status.CANCELLED | Status.EXPIRED | Status.DROPPED:
            return Outcome(status)
        case _:
            return Outcome.OPEN


class CommandState(StrEnum):
    """The state of a command: executions are being created, some are open, or all have ended."""

    CREATING = "creating"
    RUNNING = "running"
    FINISHED = "finished"


class Execution(BaseModel, frozen=True):
    """One command on one node. ``node_cluster_*`` tell the node's cluster when this row was created.

    ``output`` is None rather than blank. ``output_size`` is the bytes of the whole output where the agent stored it,
    ``output_ref`` names the stored object, and is None if that did not arrive. A cancelled, expired or dropped
    execution takes a late result while it has no ``exit_code``: a dropped one, since its machine may have enrolled
    again. ``cancelled_at`` is also the time at which it was dropped: the first revision of the API has no word for
    that. ``inserted_at`` is the command's, ``rollout_slot`` the target's. ``is_told``: its request wakes the agent.
    """

    id: str
    command_id: str
    node_id: str
    node_cluster_id: str
    node_cluster_name: str
    target_cluster_name: str | None = None
    target_all: bool
    status: Status
    output: str | None = None
    output_size: int | None = None
    output_ref: str | None = None
    exit_code: int | None = None
    sent_at: str | None = None
    completed_at: str | None = None
    cancelled_at: str | None = None
    cancel_requested_at: str | None = None
    rollout_slot: int | None = None
    is_told: bool | None = None
    inserted_at: str
    updated_at: str
    version: int = 0

    @property
    def cluster_id(self) -> str:
        """The cluster that it belongs to for good."""
        return self.node_cluster_id

    @property
    def outcome(self) -> Outcome:
        return outcome_of(self.status, self.exit_code)

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


@dataclass(frozen=True)
class Waiting:
    """Ids of executions of one node: what it has not taken yet, and what it runs and should end."""

    pending: list[str]
    to_cancel: list[str]


@dataclass(frozen=True)
class CommandSummary:
    """How many executions of a command there are of each outcome. ``pending`` and ``sent`` are the two kinds of open
    ones. A rollout's targets without an execution are ``waiting`` for it, or get none: they were ``skipped`` when it
    stopped, or ``dropped`` because the node was gone; so is an execution whose node was deleted."""

    pending: int = 0
    sent: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    expired: int = 0
    waiting: int = 0
    skipped: int = 0
    dropped: int = 0

    @property
    def open(self) -> int:
        return self.pending + self.sent

    @property
    def total(self) -> int:
        ended = self.succeeded + self.failed + self.cancelled + self.expired + self.dropped
        return self.open + ended + self.waiting + self.skipped


@dataclass(frozen=True)
class Progress:
    """How far a command is. ``targets`` is how many nodes it is for: None while executions are being created.
    ``finished_at`` is when the last execution ended, None before and for a command from before that was noted.
    ``summary`` is None for more executions than are counted while somebody waits. ``rollout`` tells what
    the rollout does, None without one."""

    state: CommandState
    targets: int | None
    finished_at: str | None
    summary: CommandSummary | None
    rollout: Standing | None = None


@dataclass(frozen=True)
class NewCommand:
    """A new command. ``expired_at`` is aware; without it the command gets the default deadline, unless it
    ``never_expires``. ``allow_missing`` ignores named nodes and clusters that do not exist. ``id`` is one that the
    caller has derived: a repeat with it returns the command that exists. ``schedule`` is the one that gives it,
    ``script`` the one that it runs, ``secrets`` are as of a `Command`."""

    command_text: str
    targeting: Targeting
    timeout: int | None = None
    expired_at: datetime | None = None
    never_expires: bool = False
    allow_missing: bool = False
    id: str | None = None
    schedule: ScheduleName | None = None
    script: ScriptVersion | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    rollout: RolloutLimits | None = None


@dataclass(frozen=True)
class Retry:
    """The executions that a retry takes, and its changes of the command: None leaves text and timeout as
    they are, unless there shall be ``no_timeout``. Deadline and rollout are new ones, as of a `NewCommand`."""

    outcomes: tuple[RetriedOutcome, ...]
    command_text: str | None = None
    timeout: int | None = None
    no_timeout: bool = False
    expired_at: datetime | None = None
    never_expires: bool = False
    rollout: RolloutLimits | None = None


@dataclass(frozen=True)
class ExecutionView:
    """An execution with its command, which holds text, timeout and deadline; None once the tombstone is gone."""

    execution: Execution
    command: Command | None


@dataclass(frozen=True)
class AssignedExecution:
    """An execution as the agent of its node sees it: what it needs to run or stop it."""

    id: str
    command: Command
    status: Status
    cancel_requested_at: str | None
    inserted_at: str


@dataclass(frozen=True)
class Claim:
    """The executions that an agent was given, and the status of each other one that it asked for; None: it has none of
    that id."""

    acknowledged: list[str]
    refused: Mapping[str, Status | None]


@dataclass(frozen=True)
class Report:
    """The result that an agent reports. ``completed_at`` defaults to the time of the report."""

    is_expired: bool
    output: str | None = None
    exit_code: int | None = None
    completed_at: str | None = None
    output_size: int | None = None
    output_ref: str | None = None


class CancelResult(StrEnum):
    """The contract's answers to a cancel."""

    CANCELLED = "execution cancelled"
    REQUESTED = "cancellation request sent"
