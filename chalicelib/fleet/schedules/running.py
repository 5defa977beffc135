"""`Running`: gives the commands of schedules whose time has come.

The outcome of a time is one transaction: the command, the run in the history and the schedule's next time. So a time
has one outcome however many workers are at it, and a worker that dies has done all or nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.fleet.commands.service import Commands
from chalicelib.fleet.reach import reach_of
from chalicelib.fleet.schedules import rules, times
from chalicelib.fleet.schedules.model import Result, Run, Schedule
from chalicelib.fleet.schedules.store import (
    DUE,
    SCHEDULES,
    look_again,
    put_run,
    replace_schedule,
    run_id,
    schedule_from_item,
    schedule_key,
)
from chalicelib.fleet.scripts.model import Script
from chalicelib.fleet.scripts.service import Scripts
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.errors import EdgeError, Kind
from chalicelib.kit.ids import Ids
from chalicelib.kit.origin import Origin, working_for
from chalicelib.kit.queues import Message
from chalicelib.kit.redrive import claim_due, due_rows, look_again_at
from chalicelib.kit.tables import Tables, TransactionFailedError, Write
from chalicelib.platform.access.principal import Principal
from chalicelib.platform.access.standing import StandingPrincipals

TASK = "run_schedule"
"""The kind of the background work that runs a schedule."""

_PASSING = {Kind.UNAVAILABLE, Kind.INTERNAL, Kind.RATE_LIMITED}
"""Errors that say nothing about the schedule: the message comes again."""


@dataclass(frozen=True)
class _Time:
    """A time that has come, and the writes that all its outcomes have in common."""

    schedule: Schedule
    due: times.Due
    missed: tuple[Write, ...]


class Running:
    """Every method bears repeats, also late and at the same time."""

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        commands: Commands,
        scripts: Scripts,
        principals: StandingPrincipals,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._commands = commands
        self._scripts = scripts
        self._principals = principals

    def due_work(self, limit: int) -> Iterator[list[Message]]:
        """The messages of at most ``limit`` schedules whose time has come. The time at which each is looked at again
        moves before its message is returned: if that is lost, another sweep finds it."""
        now = self._clock.now()
        pages = (
            [schedule_from_item(row) for row in rows]
            for rows in due_rows(self._tables, SCHEDULES, DUE, to_seconds_text(now))
        )

        def claim(schedule: Schedule) -> list[Message]:
            later = look_again(schedule, look_again_at(now, schedule.sweeps))
            is_claimed = self._tables.try_write(later, "schedule.swept")
            return [{"kind": TASK, "id": schedule.id}] if is_claimed else []

        return claim_due(pages, claim, limit)

    def run(self, schedule_id: str) -> None:
        """Run a schedule if its time has come; of several times that have, only the newest. Raises `EdgeError` (service
        unavailable): then nothing has happened."""
        row = self._tables.get(SCHEDULES, schedule_key(schedule_id))
        schedule = None if row is None else schedule_from_item(row)
        now = self._clock.now()
        if schedule is None or schedule.next_at is None or schedule.next_at > to_seconds_text(now):
            return
        due = times.due(schedule.timing, schedule.next_at, now)
        time = _Time(schedule, due, self._missed(schedule, due))
        try:
            owner = self._principals.find(schedule.owner)
            rules.check_owner(owner, schedule.command)
        except EdgeError as error:
            if error.kind in _PASSING:
                raise
            self._settle(time, Result.REFUSED, error.message, rules.paused(schedule, error.message, now))
            return
        self._give(time, owner)

    def _give(self, time: _Time, owner: Principal) -> None:
        schedule, due, now = time.schedule, time.due, self._clock.now()
        following = rules.moved_on(schedule, due.next_at, now)
        try:
            new = rules.new_command(schedule, due.newest, now, self._script_of(schedule))
        except EdgeError as error:
            if error.kind in _PASSING:
                raise
            self._settle(time, Result.REFUSED, rules.in_words(error), following)
            return
        if new is None:
            self._settle(time, Result.MISSED, rules.TOO_LATE, following)
            return
        new = rules.with_id(new, self._ids.uuid7(now))
        run = self._run_of(schedule, due.newest, Result.CREATED, command_id=new.id)
        also = (put_run(run, now), replace_schedule(schedule, following), *time.missed)
        with working_for(_on_behalf(schedule, owner, self._ids.uuid7(now))):
            try:
                self._commands.create(new, reach=reach_of(owner), also=also)
            except TransactionFailedError:
                return  # it was changed, or another worker was faster
            except EdgeError as error:
                if error.kind in _PASSING:
                    raise
                refusal = rules.in_words(error)
            else:
                return
        self._settle(time, Result.REFUSED, refusal, following)

    def _script_of(self, schedule: Schedule) -> Script | None:
        """The script that it names. Raises `EdgeError` (validation failed) if that is gone, or a secret for it."""
        called = schedule.command.script
        return None if called is None else self._scripts.scheduled(called)

    def _settle(self, time: _Time, result: Result, reason: str, following: Schedule) -> None:
        """Note that nothing is run."""
        run = self._run_of(time.schedule, time.due.newest, result, reason=reason)
        writes = (put_run(run, self._clock.now()), replace_schedule(time.schedule, following), *time.missed)
        try:
            self._tables.commit(writes, "schedule.settled")
        except TransactionFailedError:
            return

    def _missed(self, schedule: Schedule, due: times.Due) -> tuple[Write, ...]:
        if not due.missed:
            return ()
        run = self._run_of(schedule, due.first, Result.MISSED, reason=rules.TOO_LATE)
        update = {"until": due.last_missed, "count": due.missed}
        return (put_run(run.model_copy(update=update), self._clock.now()),)

    def _run_of(
        self,
        schedule: Schedule,
        planned_at: str,
        result: Result,
        *,
        command_id: str | None = None,
        reason: str | None = None,
    ) -> Run:
        return Run(
            id=run_id(schedule.id, planned_at),
            schedule_id=schedule.id,
            planned_at=planned_at,
            result=result,
            command_id=command_id,
            reason=reason,
            inserted_at=to_seconds_text(self._clock.now()),
        )


def _on_behalf(schedule: Schedule, owner: Principal, request_id: str) -> Origin:
    """The origin of a command that a schedule gives: its owner is the actor, and the name says by which schedule."""
    name = f"{owner.name} (schedule {schedule.name})"
    verb = "command.create" if schedule.command.script is None else "command.run_script"
    return Origin(request_id, actor=owner.actor, name=name, verb=verb, is_deferred=True)
