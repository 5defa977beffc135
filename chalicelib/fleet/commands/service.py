"""`Commands`: what operators do with commands."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.fleet.clusters.service import Clusters
from chalicelib.fleet.commands import rules
from chalicelib.fleet.commands.at_once import AtOnce
from chalicelib.fleet.commands.cancelling import PartCancel
from chalicelib.fleet.commands.checking import check_new
from chalicelib.fleet.commands.command_store import CommandStore, DeleteRefusedError
from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.model import Command, CommandState, CommandSummary, NewCommand, Progress
from chalicelib.fleet.commands.part_store import Parts
from chalicelib.fleet.commands.reached_commands import ReachedCommands
from chalicelib.fleet.commands.rollout import ROLLOUT, begun
from chalicelib.fleet.commands.rollout_progress import progress_of, progress_of_part
from chalicelib.fleet.commands.rollout_store import RolloutStore
from chalicelib.fleet.commands.store import ALL_COMMANDS, COMMANDS, EXECUTIONS, command_from_item, script_name_of
from chalicelib.fleet.commands.undone import FanOut
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.reach import Reach
from chalicelib.fleet.targeting import selection
from chalicelib.fleet.targeting.accepting import accept
from chalicelib.kit.clock import Clock, parse_time, to_seconds_text
from chalicelib.kit.counters import total_of
from chalicelib.kit.errors import not_found, unavailable
from chalicelib.kit.ids import Ids
from chalicelib.kit.listing import IsSet, Listing, ListPage, ListRequest, Lists, Moment, Number, ReadTotal, Text
from chalicelib.kit.redrive import FIRST_LOOK
from chalicelib.kit.tables import Item, Tables, Write

TOMBSTONE = timedelta(hours=25)
"""The change stream keeps records for 24 hours; until then an event may still ask for the command's text."""

SUMMARY_LIMIT = 100_000
"""Executions that a summary counts: some 1,900 read units and a quarter of a second; beyond, lists by status tell."""

FIELDS = {
    "command_text": Text("command_text"),
    "script_name": Text("script", read=script_name_of, reads=("script",)),
    "timeout": Number("timeout"),
    "has_timeout": IsSet("timeout"),
    "expired_at": Moment("expired_at"),
    "has_expired_at": IsSet("expired_at"),
    "inserted_at": Moment("inserted_at"),
    "updated_at": Moment("updated_at"),
}

SORTABLE = ("timeout", "expired_at", "inserted_at", "updated_at")

_LIST = Listing(COMMANDS, fields=FIELDS, sources=(ALL_COMMANDS,))


class Commands:
    """Commands are made, read and deleted, never changed. Their executions are made by `FanOuts`, or by ``at_once``
    where somebody waits for them; None: never.

    ``read_total`` counts a command's executions. ``default_deadline`` is given to commands without one; None
    leaves them without.
    """

    def __init__(
        self,
        tables: Tables,
        clock: Clock,
        ids: Ids,
        nodes: NodeReader,
        clusters: Clusters,
        *,
        lists: Lists,
        read_total: ReadTotal,
        at_once: AtOnce | None = None,
        default_deadline: timedelta | None = None,
    ) -> None:
        self._tables = tables
        self._clock = clock
        self._ids = ids
        self._nodes = nodes
        self._clusters = clusters
        self._lists = lists
        self._parts = Parts(tables, clusters.within)
        self._cancelling = PartCancel(tables, clock)
        self._read_total = read_total
        self._at_once = at_once
        self._default_deadline = default_deadline
        self._commands = CommandStore(tables)
        self._executions = ExecutionStore(tables)
        self._rollouts = RolloutStore(tables)

    def check(self, new: NewCommand, *, reach: Reach) -> None:
        """Raises `EdgeError` (validation failed) for a command that would be refused now."""
        check_new(new, self._clock.now())
        accept(new.targeting, self._nodes, self._clusters, allow_missing=new.allow_missing, reach=reach)

    def create(self, new: NewCommand, *, reach: Reach, also: Sequence[Write] = (), is_awaited: bool = False) -> Command:
        """Accept a command in one transaction, regardless of the size of the fleet, and with it what is ``also``
        written. Executions follow from it, or, if somebody waits for them and they are few, are in the same
        transaction. Named nodes and clusters must exist within reach, and are read first.
        Succeeds even if the filters match no node. Raises `EdgeError` (validation failed), and `TransactionFailedError`
        if a condition of the other writes does not hold.
        """
        if new.id is not None and (made := self._commands.find(new.id)) is not None:
            return made
        now = self._clock.now()
        text = to_seconds_text(now)
        check_new(new, now)
        accepted = accept(new.targeting, self._nodes, self._clusters, allow_missing=new.allow_missing, reach=reach)
        named, parts = accepted.named, accepted.parts
        deadline = self._deadline(new, now)
        rollout = None
        if new.rollout is not None:
            rollout = begun(new.rollout, parts)
            parts = parts and frozenset({ROLLOUT})
        command = Command(
            id=new.id or self._ids.uuid7(now),
            command_text=new.command_text,
            timeout=new.timeout,
            expired_at=deadline,
            targeting=accepted.targeting,
            schedule=new.schedule,
            script=new.script,
            secrets=new.secrets,
            rollout=new.rollout,
            inserted_at=text,
            updated_at=text,
        )
        fan_out = FanOut(
            command_id=command.id,
            parts=parts,
            deadline=deadline,
            due_at=to_seconds_text(now + FIRST_LOOK) if parts else None,
            made_at=None if parts else text,
            target_cluster_name=named[0].name if len(named) == 1 else None,
            rollout=rollout,
            inserted_at=text,
        )
        if not is_awaited or self._at_once is None or rollout is not None:
            return self._commands.add(command, fan_out, also)
        return self._add_at_once(self._at_once, command, fan_out, also)

    def list_page(self, request: ListRequest, *, reach: Reach) -> ListPage[Command]:
        """One page; raises as `Lists.page` and, for a restricted reach, `ReachedCommands.page` do."""
        if reach.is_everywhere:
            page = self._lists.page(_LIST, request)
        else:
            page = ReachedCommands(self._tables, self._parts, self._lists, FIELDS).page(request, reach)
        # A lagging index may still name one that has just been deleted.
        live = [item for item in page.items if item.get("deleted_at") is None]
        return replace(page, items=live).map(command_from_item)

    def get_with_progress(self, command_id: str, *, reach: Reach) -> tuple[Command, Progress]:
        """The command and the progress of its part within reach, counted from an index that lags a moment. When the
        last execution of a part ended is not known. Raises `EdgeError` (not found).

        It reads the index rows of its executions: about 19 read units per 1,000, four partitions at a time. A machine
        that an index hid when the command was given is found by a second pass; it makes a finished command run again.
        """
        command, fan_out, last_end = self._commands.standing(command_id)
        if command is None or command.is_deleted:
            raise not_found()
        if not reach.is_everywhere and not command.targeting.is_within(reach):
            return command, self._progress_of_part(command_id, fan_out, reach)
        summary = self._executions.summary_of(command_id, SUMMARY_LIMIT)
        is_made = fan_out is None or not (fan_out.parts or self._is_shown_late(fan_out, summary))
        if not is_made and (fan_out is None or fan_out.rollout is None):
            return command, Progress(CommandState.CREATING, None, None, summary)
        is_open = self._executions.has_open(command_id) if summary is None else summary.open > 0
        if fan_out is not None and fan_out.rollout is not None:
            return command, progress_of(fan_out, fan_out.rollout, summary, last_end, is_open=is_open)
        if summary is None:
            targets = self._read_total(total_of(EXECUTIONS.name, "command_id", command_id))
        else:
            targets = summary.total
        if is_open:
            return command, Progress(CommandState.RUNNING, targets, None, summary)
        made_at = None if fan_out is None else fan_out.made_at
        finished_at = max(filter(None, (made_at, last_end)), default=None)
        return command, Progress(CommandState.FINISHED, targets, finished_at, summary)

    def cancel(self, command_id: str, *, reach: Reach) -> None:
        """Create no more executions of it and cancel what is open: one write, the rest follows. May be repeated, and
        then asks agents again. A command that is only partly within reach is cancelled there, by a task for each
        cluster, and its creation goes on. Raises `EdgeError` (not found)."""
        if not self.is_wholly_within(command_id, reach, also_to_come=True):
            parts = self._parts.executions(command_id, reach)
            self._cancelling.ask(command_id, {cluster.id: cluster for cluster in parts.values()}.values())
            return
        now = self._clock.now()
        due_at = to_seconds_text(now + FIRST_LOOK)
        if not self._commands.request_cancel(command_id, to_seconds_text(now), due_at):
            raise not_found()

    def delete(self, command_id: str, *, reach: Reach) -> None:
        """Hide the command at once; its executions are removed in chunks afterwards.

        Raises `EdgeError` (not found), (forbidden) if it is only partly within reach, and (conflict) while parts are
        left or executions are open.
        """
        if not self.is_wholly_within(command_id, reach, also_to_come=False):
            raise rules.partly_out_of_reach()
        now = self._clock.now()
        expires_epoch, due_at = int((now + TOMBSTONE).timestamp()), to_seconds_text(now + FIRST_LOOK)
        for _ in self._tables.tries():
            command, fan_out = self._commands.with_fan_out(command_id)
            if command is None or command.is_deleted:
                raise not_found()
            open_count = self._executions.count_open(command_id)
            if open_count:
                raise rules.command_delete_refused(open_count)
            if fan_out is not None and (fan_out.parts or self._is_shown_late(fan_out)):
                raise rules.command_delete_refused_while_created()
            # Refused: another caller has just deleted it, or a rollout goes on with nodes that an index had hidden.
            with suppress(DeleteRefusedError):
                self._commands.soft_delete(command_id, to_seconds_text(now), expires_epoch, due_at=due_at)
                return
        raise unavailable()

    def is_wholly_within(self, command_id: str, reach: Reach, *, also_to_come: bool) -> bool:
        """Whether the command and all its executions are within reach, also those of nodes that may yet be found.
        Raises `EdgeError` (not found) for one without a part within a restricted reach."""
        if reach.is_everywhere:
            return True
        command, fan_out = self._commands.with_fan_out(command_id)
        if command is None or command.is_deleted:
            raise not_found()
        if command.targeting.is_within(reach):
            return True
        ids = self._parts.executions(command_id, reach).keys()
        part = self._executions.part_of(command_id, ids, SUMMARY_LIMIT) if ids else None
        if not ids or (part is not None and not part.summary.total):
            raise not_found()
        is_made = fan_out is None or not (fan_out.parts or self._is_shown_late(fan_out))
        is_searched = fan_out is None or fan_out.looks_since is None
        return is_made and (is_searched or not also_to_come) and part is not None and part.is_whole

    def _add_at_once(self, at_once: AtOnce, command: Command, fan_out: FanOut, also: Sequence[Write]) -> Command:
        executions = at_once.executions(command, fan_out)
        if not executions:
            return self._commands.add(command, fan_out, also)
        looks = {part for part in fan_out.parts if selection.may_miss(part)}
        made = fan_out.as_made(looks, parse_time(command.inserted_at))
        added = self._commands.add(command, made.model_copy(update={"made_with": len(executions)}), also, executions)
        if added is command:
            at_once.tell(command, executions)
        return added

    def _is_shown_late(self, fan_out: FanOut, summary: CommandSummary | None = None) -> bool:
        """Whether the index does not show yet what was written with the command."""
        now = self._clock.now()
        if not fan_out.is_shown_late(0, now):
            return False
        seen = summary or self._executions.summary_of(fan_out.command_id, SUMMARY_LIMIT)
        return seen is not None and fan_out.is_shown_late(seen.total, now)

    def _progress_of_part(self, command_id: str, fan_out: FanOut | None, reach: Reach) -> Progress:
        """Raises `EdgeError` (not found) for a command without a part within reach."""
        ids = self._parts.executions(command_id, reach).keys()
        part = self._executions.part_of(command_id, ids, SUMMARY_LIMIT) if ids else None
        if not ids or (part is not None and not part.summary.total):
            raise not_found()
        summary = None if part is None else part.summary
        if summary is not None and fan_out is not None and fan_out.rollout is not None:
            waiting, dropped = self._rollouts.turns_within(fan_out, fan_out.rollout, reach, ids)
            return progress_of_part(fan_out, fan_out.rollout, summary, waiting, dropped)
        if fan_out is not None and (fan_out.parts or self._is_shown_late(fan_out)):
            return Progress(CommandState.CREATING, None, None, summary)
        is_open = bool(summary.open) if summary else self._executions.has_any(command_id, ids, is_open=True)
        targets = summary.total if summary else len(ids)
        return Progress(CommandState.RUNNING if is_open else CommandState.FINISHED, targets, None, summary)

    def _deadline(self, new: NewCommand, now: datetime) -> str | None:
        if new.expired_at is not None:
            return to_seconds_text(new.expired_at)
        return (
            None
            if self._default_deadline is None or new.never_expires
            else to_seconds_text(now + self._default_deadline)
        )

    def rows_of(self, ids: Collection[str]) -> dict[str, Item]:
        """The rows of commands and tombstones by id, for events; unknown ids are left out."""
        return self._commands.rows_of(ids)
