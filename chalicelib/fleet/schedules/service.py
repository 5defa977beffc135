"""`Schedules`: what operators do with schedules.

A key that makes, changes or resumes a schedule is its owner from then on. It runs with the rights of that key, so no
caller borrows those of another.
"""

from dataclasses import replace

from chalicelib.fleet.commands.service import Commands
from chalicelib.fleet.reach import Reach, empty_page
from chalicelib.fleet.schedules import rules, times
from chalicelib.fleet.schedules.model import Definition, Run, Schedule, State
from chalicelib.fleet.schedules.store import (
    REACHED_LIST,
    SCHEDULE_LIST,
    SCHEDULES,
    claim_name,
    delete_schedule,
    free_name,
    put_schedule,
    replace_schedule,
    run_from_item,
    runs_of,
    schedule_from_item,
    schedule_key,
)
from chalicelib.fleet.scripts.model import Run as ScriptRun
from chalicelib.fleet.scripts.service import Scripts
from chalicelib.kit.clock import Clock, to_seconds_text
from chalicelib.kit.contended import is_committed
from chalicelib.kit.errors import EdgeError, conflict, not_found, taken, unavailable
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import ListPage, ListRequest, Lists
from chalicelib.kit.tables import Tables, TransactionFailedError, Write
from chalicelib.platform.access.principal import Principal


class Schedules:
    """Makes, lists, changes, pauses and deletes schedules; `Running` runs them."""

    def __init__(
        self, tables: Tables, clock: Clock, ids: Ids, commands: Commands, scripts: Scripts, *, lists: Lists
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._commands = commands
        self._scripts = scripts
        self._lists = lists

    def create(self, definition: Definition, owner: Principal, *, reach: Reach) -> Schedule:
        """Raises `EdgeError` (validation failed) for a command or times that would be refused, (forbidden) for an owner
        with which nothing can run, (conflict) for a name that is taken."""
        now = self._clock.now()
        self._check(definition, owner, reach)
        times.check(definition.timing, now)
        next_at, text = times.next_after(definition.timing, now), to_seconds_text(now)
        schedule = _decided(
            Schedule(
                id=self._ids.uuid7(now),
                name=definition.name,
                command=definition.command,
                timing=definition.timing,
                run_within_seconds=definition.run_within_seconds,
                state=State.ACTIVE,
                owner=owner.actor,
                owner_name=owner.name,
                next_at=next_at,
                due_at=next_at,
                inserted_at=text,
                updated_at=text,
            ),
            owner,
            reach,
        )
        writes = (put_schedule(schedule), claim_name(definition.name, schedule.id))
        try:
            self._tables.commit(writes, "schedule.created", result=schedule)
        except TransactionFailedError as error:
            raise taken("name") from error
        return schedule

    def get(self, schedule_id: str, *, reach: Reach) -> Schedule:
        """Raises `EdgeError` (not found)."""
        row = self._tables.get(SCHEDULES, schedule_key(schedule_id))
        schedule = None if row is None else schedule_from_item(row)
        if schedule is None or not schedule.is_within(reach):
            raise not_found()
        return schedule

    def list_page(self, request: ListRequest, *, reach: Reach) -> ListPage[Schedule]:
        """One page of the schedules within reach. Raises `EdgeError` (bad request) when the filters leave too
        much to read."""
        if reach.is_everywhere:
            return self._lists.page(SCHEDULE_LIST, request).map(schedule_from_item)
        if not reach.cluster_ids:
            return empty_page(request)
        within = {"within": ",".join(sorted(reach.cluster_ids))}
        asked = replace(request, filters={**request.filters, **within})
        return self._lists.page(REACHED_LIST, asked).map(schedule_from_item)

    def runs(self, schedule_id: str, request: ListRequest, *, reach: Reach) -> ListPage[Run]:
        """One page of its history, the newest first. Raises `EdgeError` (not found)."""
        self.get(schedule_id, reach=reach)
        return self._lists.page(runs_of(schedule_id), request).map(run_from_item)

    def change(
        self, schedule_id: str, definition: Definition, known: Schedule, owner: Principal, *, reach: Reach
    ) -> Schedule:
        """Give a schedule, as seen in ``known``, another definition. Other times begin anew; a paused one stays paused.
        Raises `EdgeError` (validation failed, forbidden) as `create` does, (conflict) for a taken name, or if it has
        changed meanwhile."""
        now = self._clock.now()
        self._check(definition, owner, reach)
        update = {
            "name": definition.name,
            "command": definition.command,
            "timing": definition.timing,
            "run_within_seconds": definition.run_within_seconds,
            "updated_at": to_seconds_text(now),
        }
        if definition.timing != known.timing:
            times.check(definition.timing, now)
            if known.state is not State.PAUSED:
                next_at = times.next_after(definition.timing, now)
                update |= {"state": State.ACTIVE, "next_at": next_at, "due_at": next_at, "sweeps": 0}
        changed = _decided(known.model_copy(update=update), owner, reach)
        renamed: tuple[Write, ...] = ()
        if definition.name != known.name:
            renamed = (claim_name(definition.name, schedule_id), free_name(known.name, schedule_id))
        try:
            self._tables.commit((replace_schedule(known, changed), *renamed), "schedule.updated", result=changed)
        except TransactionFailedError as error:
            if 1 in error.failed:
                raise taken("name") from error
            raise _changed_meanwhile() from error
        return changed

    def pause(self, schedule_id: str, *, reach: Reach) -> Schedule:
        """Have it not run until it is resumed: the times until then do not count as missed. One that is paused
        or finished stays as it is. Raises `EdgeError` (not found), (service unavailable)."""
        for _ in self._tables.tries():
            schedule = self.get(schedule_id, reach=reach)
            if schedule.state is not State.ACTIVE:
                return schedule
            changed = rules.paused(schedule, None, self._clock.now())
            if self._is_written(schedule, changed, "schedule.paused"):
                return changed
        raise unavailable()

    def resume(self, schedule_id: str, owner: Principal, *, reach: Reach) -> Schedule:
        """Have it run again, from its next time on. One that is active stays as it is. Raises `EdgeError` (not found),
        (conflict) for one whose only time has passed, (validation failed) and (forbidden) as `create` does."""
        for _ in self._tables.tries():
            schedule, now = self.get(schedule_id, reach=reach), self._clock.now()
            if schedule.state is State.ACTIVE:
                return schedule
            self._check(schedule.definition, owner, reach)
            next_at = times.next_after(schedule.timing, now)
            if next_at is None:
                raise rules.over()
            changed = _decided(rules.moved_on(schedule, next_at, now), owner, reach)
            if self._is_written(schedule, changed, "schedule.resumed"):
                return changed
        raise unavailable()

    def delete(self, schedule_id: str, *, reach: Reach) -> None:
        """Its commands stay, and its history ends by itself. Raises `EdgeError` (not found), (service unavailable)."""
        for _ in self._tables.tries():
            schedule = self.get(schedule_id, reach=reach)
            writes = (delete_schedule(schedule), free_name(schedule.name, schedule.id))
            if is_committed(self._tables, writes, "schedule.deleted"):
                return  # else it was renamed or deleted meanwhile
        raise unavailable()

    def _check(self, definition: Definition, owner: Principal, reach: Reach) -> None:
        command = definition.command
        rules.check_owner(owner, command)
        rules.check_definition(definition)
        script = None if command.script is None else self._scripts.scheduled(command.script)
        run = ScriptRun(command.targeting, command.timeout, allow_missing=command.allow_missing)
        self._commands.check(rules.command_of(command, script, run), reach=reach)

    def _is_written(self, known: Schedule, changed: Schedule, operation: str) -> bool:
        return is_committed(self._tables, [replace_schedule(known, changed)], operation, result=changed)


def _decided(schedule: Schedule, owner: Principal, reach: Reach) -> Schedule:
    """The schedule with the principal that has decided about it, and has this reach, as its owner."""
    within = None if reach.cluster_ids is None else tuple(sorted(reach.cluster_ids))
    update = {"owner": owner.actor, "owner_name": owner.name, "within": within, "reason": None}
    return schedule.model_copy(update=update)


def _changed_meanwhile() -> EdgeError:
    return conflict("the schedule was changed meanwhile: look at it again")
