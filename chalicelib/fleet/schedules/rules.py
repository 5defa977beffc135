"""Decisions about schedules. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.fleet.commands.model import NewCommand, ScheduleName
from chalicelib.fleet.permissions import COMMANDS_WRITE, SCRIPTS_RUN
from chalicelib.fleet.schedules.model import Definition, Schedule, ScheduledCommand, State
from chalicelib.fleet.scripts import rules as scripts
from chalicelib.fleet.scripts.model import Run, Script
from chalicelib.fleet.targeting.model import Targeting
from chalicelib.kit.clock import parse_time, to_seconds_text
from chalicelib.kit.errors import BLANK, EdgeError, Kind, at_most_bytes, conflict, invalid
from chalicelib.kit.listing import Moment
from chalicelib.kit.queues import body_bytes
from chalicelib.platform.access.principal import DEFAULT_TENANT, Principal, PrincipalKind, Resource, Scope, decide
from chalicelib.platform.secrets.rules import check_use as check_use_of_secrets

COMMAND_LIMIT_BYTES = 32 * 1024
"""Bytes of a scheduled command with its targeting: a page of 100 schedules fits into an answer."""

ALIVE_WITHIN = timedelta(minutes=15)
"""How long ago a machine that is on gave its last sign of life, and how long it then has to take a command: connected
agents beat every nine minutes, all others ask more often."""

TOO_LATE = "nothing ran in time"
"""The reason of a missed time."""

_SEEN = "last_seen_at__gte"

LONGEST_RUN = timedelta(hours=1)
"""How long a command without a timeout may take where machines that are off are skipped."""


def check_definition(definition: Definition) -> None:
    """Raises `EdgeError` (validation failed) for a name of blanks or a command that is too large."""
    if not definition.name.strip():
        raise invalid("name", BLANK)
    if body_bytes(definition.command.model_dump(mode="json", exclude_none=True)) > COMMAND_LIMIT_BYTES:
        raise invalid("command", at_most_bytes(COMMAND_LIMIT_BYTES))


def check_owner(owner: Principal, command: ScheduledCommand) -> None:
    """Raises `EdgeError` (forbidden) for a principal with which this cannot run later."""
    if owner.kind not in {PrincipalKind.KEY, PrincipalKind.ROOT}:
        raise EdgeError(Kind.FORBIDDEN, "a schedule runs with the rights of a key: use a named key")
    if owner.tenant != DEFAULT_TENANT:
        # Its rights follow from a place that it may have lost when the schedule runs.
        raise EdgeError(Kind.FORBIDDEN, "a schedule runs with the rights of a key of the operator's")
    if command.script is None:
        decision = decide(owner, COMMANDS_WRITE, Resource("commands", Scope.REACH), {})
    else:
        decision = decide(owner, SCRIPTS_RUN, Resource(f"scripts/{command.script.name}", Scope.INSTALLATION), {})
    if not decision.is_allowed:
        raise EdgeError(Kind.FORBIDDEN, decision.refusal)
    if command.script is not None and command.script.secrets:
        check_use_of_secrets(owner)


def over() -> EdgeError:
    return conflict("the only time of this schedule has passed: give it another one")


def new_command(schedule: Schedule, planned_at: str, now: datetime, script: Script | None) -> NewCommand | None:
    """The command that the schedule gives at this time; None if it is too late for it. This is the one place that knows
    what a schedule runs. ``script`` is the one that it names. Raises `EdgeError` (validation failed) for values that
    the script does not take."""
    command = schedule.command
    targeting, expires = command.targeting, _skipping(command, now)
    if schedule.run_within_seconds is not None:
        expires = parse_time(planned_at) + timedelta(seconds=schedule.run_within_seconds)
        if expires <= now:
            return None
    else:
        targeting = _alive(targeting, now)
    run = Run(
        targeting,
        command.timeout,
        expires,
        allow_missing=command.allow_missing,
        schedule=ScheduleName(id=schedule.id, name=schedule.name),
        rollout=command.rollout,
    )
    return command_of(command, script, run)


def command_of(command: ScheduledCommand, script: Script | None, run: Run) -> NewCommand:
    """The command itself. Raises `EdgeError` (validation failed) for values that the script does not take."""
    if script is not None and command.script is not None:
        return scripts.new_command(script, command.script, run)
    return NewCommand(
        command.command_text or "",
        run.targeting,
        run.timeout,
        run.expired_at,
        allow_missing=run.allow_missing,
        schedule=run.schedule,
        rollout=run.rollout,
    )


def _alive(targeting: Targeting, now: datetime) -> Targeting:
    """The same targeting, without machines that are off."""
    filters = targeting.node_filters or {}
    bound = to_seconds_text(now - ALIVE_WITHIN)
    given = filters.get(_SEEN)
    seen = bound if given is None else max(bound, Moment.bound("gte", given))
    return targeting.model_copy(update={"node_filters": {**filters, _SEEN: seen}})


def _skipping(command: ScheduledCommand, now: datetime) -> datetime:
    longest = LONGEST_RUN if command.timeout is None else timedelta(milliseconds=command.timeout)
    return now + ALIVE_WITHIN + longest


def moved_on(schedule: Schedule, next_at: str | None, now: datetime) -> Schedule:
    """The schedule after a time of it has been dealt with."""
    state = State.ACTIVE if next_at is not None else State.FINISHED
    return schedule.model_copy(
        update={
            "next_at": next_at,
            "due_at": next_at,
            "sweeps": 0,
            "state": state,
            "updated_at": to_seconds_text(now),
        }
    )


def paused(schedule: Schedule, reason: str | None, now: datetime) -> Schedule:
    return schedule.model_copy(
        update={
            "state": State.PAUSED,
            "reason": reason,
            "next_at": None,
            "due_at": None,
            "sweeps": 0,
            "updated_at": to_seconds_text(now),
        }
    )


def with_id(new: NewCommand, command_id: str) -> NewCommand:
    return replace(new, id=command_id)


def in_words(error: EdgeError) -> str:
    """A refusal as one text, for the history."""
    details = error.details or {}
    said = "; ".join(f"{field}: {', '.join(texts)}" for field, texts in details.items())
    return said or error.message
