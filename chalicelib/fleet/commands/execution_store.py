"""Reads and writes of executions."""

from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace

from chalicelib.fleet.commands.model import OPEN, CommandSummary, Execution, Outcome, Status, outcome_of
from chalicelib.fleet.commands.rules import IS_FINAL, Transition
from chalicelib.fleet.commands.store import (
    EXECUTIONS,
    FAN_OUTS,
    NO_LOOKS,
    SHARDS,
    command_shard,
    execution_from_item,
    execution_key,
    execution_to_item,
    fan_out_from_item,
    fan_out_key,
    outcome_of_row,
    output_changes,
    status_changes,
)
from chalicelib.fleet.targeting.fan_out import put_missing
from chalicelib.kit.errors import unavailable
from chalicelib.kit.tables import (
    Absent,
    And,
    Between,
    Change,
    Check,
    ConditionFailedError,
    Delete,
    Equals,
    Exists,
    Item,
    Page,
    Put,
    Query,
    Ref,
    Set,
    Tables,
    TransactionFailedError,
    Update,
    Write,
    put_new,
)


class RefusedError(Exception):
    """A transition or deletion was refused; ``current`` is the current row, None if there is none."""

    def __init__(self, current: Execution | None) -> None:
        super().__init__("the execution is not in a state for this")
        self.current = current


MOST_SPARED = 500
"""Nodes that one search spares: their ids are 18 KB of its row, which is written with each."""


class StillCreatedError(Exception):
    """The command has parts left: a row removed now could be created again."""


@dataclass(frozen=True)
class Part:
    """Some executions of a command, counted by status. ``is_whole``: it has no others."""

    summary: CommandSummary
    is_whole: bool


class ExecutionStore:
    """Executions on `Tables`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, execution_id: str) -> Execution | None:
        item = self._tables.get(EXECUTIONS, execution_key(execution_id))
        return None if item is None else execution_from_item(item)

    def get_many(self, ids: Sequence[str]) -> list[Execution]:
        """Those that exist, in the order asked for."""
        items = self._tables.get_many([Ref(EXECUTIONS, execution_key(row_id)) for row_id in ids])
        return [execution_from_item(item) for item in items if item is not None]

    def apply(self, execution_id: str, transition: Transition, now: str, *, node_id: str | None = None) -> Execution:
        """One conditional update; with ``node_id`` only if that node owns the row. Raises `RefusedError`."""
        changes: list[Change] = [Set(name, value) for name, value in transition.values.items()]
        if transition.status is not None:
            changes.extend(status_changes(execution_id, transition.status))
        if transition.output is not None:
            changes.extend(output_changes(transition.output))
        condition = transition.when if node_id is None else And(Equals("node_id", node_id), transition.when)
        update = Update(EXECUTIONS, execution_key(execution_id), (*changes, Set("updated_at", now)), condition)
        try:
            item = self._tables.write(update, transition.operation)
        except ConditionFailedError as error:
            raise RefusedError(_execution_or_none(error.current)) from error
        if item is None:
            raise RefusedError(None)
        return execution_from_item(item)

    def create(
        self, command_id: str, executions: Sequence[Execution], version: int | None = None
    ) -> list[Execution] | None:
        """Create the missing ones of these executions, at most `CHUNK`, in one transaction, while the command has parts
        left; with a ``version``, only while its fan-out has that one. Returns the created ones; None if none may be
        created any more: another worker may have finished the part, and the command may have expired or been deleted.
        """
        fan_out = (FAN_OUTS, fan_out_key(command_id))
        return put_missing(self._tables, fan_out, executions, put_execution, "execution.created", version)

    def delete(self, execution: Execution, *, is_young: bool = False) -> None:
        """Delete a final execution that the caller has read, and have a search for nodes spare its node, or it would be
        created again; one that spares `MOST_SPARED` ends. ``is_young``: such a search is likely to be under way.
        Raises `StillCreatedError` while the command has parts left, `RefusedError`, `EdgeError` (service unavailable).
        """
        guard = self._sparing(execution) if is_young else _unsearched(execution.command_id)
        for _ in self._tables.tries():
            if self._is_deleted(execution, guard):
                return
            guard = self._sparing(execution)
        raise unavailable()

    def _sparing(self, execution: Execution) -> Write:
        """The write by which a search spares the node, or the check that there is none. Raises `StillCreatedError`."""
        (row,) = self._tables.get_many([Ref(FAN_OUTS, fan_out_key(execution.command_id))])
        fan_out = None if row is None else fan_out_from_item(row)
        if fan_out is not None and fan_out.parts:
            raise StillCreatedError(execution.command_id)
        if fan_out is None or fan_out.looks_since is None:
            return _unsearched(execution.command_id)
        spared = (Set("spared", fan_out.spared | {execution.node_id}),)
        changes = spared if len(fan_out.spared) < MOST_SPARED else NO_LOOKS
        return Update(FAN_OUTS, fan_out_key(execution.command_id), changes, Equals("version", fan_out.version))

    def _is_deleted(self, execution: Execution, guard: Write) -> bool:
        """Delete it together with ``guard``; False if that failed. Raises `RefusedError`."""
        row = Delete(EXECUTIONS, execution_key(execution.id), IS_FINAL, was_read=True)
        try:
            self._tables.commit((row, guard), "execution.deleted")
        except TransactionFailedError as error:
            if 0 in error.failed:
                raise RefusedError(_execution_or_none(error.failed[0])) from error
            return False
        return True

    def delete_many(self, ids: Sequence[str]) -> None:
        """Delete rows unconditionally; missing ones are ignored. One by one: a transaction would cost twice as much,
        and with large outputs it could need more units at once than a partition gives, and be throttled for ever.
        """
        for row_id in ids:
            self._tables.write(Delete(EXECUTIONS, execution_key(row_id)), "execution.deleted")

    def open_of_node(self, node_id: str) -> list[Item]:
        """Index rows (id, status, cancel_requested_at, command_id) of everything open on a node, oldest first."""
        return [item for page in self.open_pages_of_node(node_id) for item in page]

    def open_pages_of_node(self, node_id: str, size: int | None = None) -> Iterator[list[Item]]:
        """`open_of_node`, ``size`` rows at a time, each page read when it is asked for."""
        for page in self._tables.pages(self._open_query(node_id, limit=size)):
            yield page.items

    def open_ids_of_node(self, node_id: str, after: str | None, limit: int) -> tuple[list[str], bool]:
        """Ids of some open executions of a node, and whether there are more."""
        query = self._open_query(node_id, after, limit)
        page = self._tables.query(query)
        return [str(item["id"]) for item in page.items], page.last_key is not None

    def page_of_command(self, command_id: str, shard: int, after: str | None, limit: int) -> Page:
        """Index rows (id, node_id, status, exit_code) of one shard of a command's executions, oldest first."""
        partition = command_shard(command_id, shard)
        start = None if after is None else {"command_shard": partition, "id": after}
        query = Query(EXECUTIONS, partition, index=EXECUTIONS.index("by_command"), limit=limit, start=start)
        return self._tables.query(query)

    def count_open(self, command_id: str) -> int:
        """The number of open executions of a command, from an index that lags."""
        return sum(map(_count_open, self._all_of_command(command_id)))

    def has_open(self, command_id: str) -> bool:
        """Whether an execution of a command is open, from an index; reads until it finds one."""
        return any(_count_open(page) for page in self._all_of_command(command_id))

    def summary_of(self, command_id: str, limit: int) -> CommandSummary | None:
        """The number of executions of a command by status, from the index; None if there are more than ``limit``."""
        counts: Counter[str] = Counter()
        for page in self._all_of_command(command_id):
            counts.update(map(_standing, page.items))
            if counts.total() > limit:
                return None
        return CommandSummary(**counts)

    def part_of(self, command_id: str, ids: Container[str], limit: int) -> Part | None:
        """Those of a command's executions that are among these, from the index; None as in `summary_of`."""
        counts: Counter[str] = Counter()
        seen = 0
        for page in self._all_of_command(command_id):
            counts.update(_standing(row) for row in page.items if row["id"] in ids)
            seen += len(page.items)
            if seen > limit:
                return None
        return Part(CommandSummary(**counts), is_whole=seen == counts.total())

    def has_any(self, command_id: str, ids: Container[str], *, is_open: bool = False) -> bool:
        """Whether one of these is an execution of the command, and open if that is asked; reads until it finds one."""
        return any(
            row["id"] in ids and (not is_open or _is_open(row))
            for page in self._all_of_command(command_id)
            for row in page.items
        )

    def has_outcome(self, command_id: str, outcomes: Container[str], among: Container[str] | None) -> bool:
        """Whether an execution of the command, of these if ``among`` is given, has one of the outcomes, from an index;
        reads until it finds one."""
        return any(
            outcome_of_row(row) in outcomes and (among is None or row["id"] in among)
            for page in self._all_of_command(command_id)
            for row in page.items
        )

    def nodes_of_command(self, command_id: str) -> set[str]:
        """Ids of the nodes that have an execution of a command, from an index: 19 read units per 1,000."""
        return {str(row["node_id"]) for page in self._all_of_command(command_id) for row in page.items}

    def old_ids(self, shard: int, before: str, after: str | None, limit: int) -> tuple[list[str], bool]:
        """Ids of one of the `SHARDS` of all executions, oldest first, below ``before``; and whether there are more."""
        start = None if after is None else {"all_shard": str(shard), "id": after}
        query = Query(
            EXECUTIONS,
            str(shard),
            index=EXECUTIONS.index("all"),
            sort=Between("0", before),
            limit=limit,
            start=start,
        )
        page = self._tables.query(query)
        return [str(item["id"]) for item in page.items], page.last_key is not None

    def prune(self, execution_id: str, now: str) -> None:
        """Delete a final execution and publish its last event: the row is marked, which causes the event, and then
        deleted. A repeat after the mark only deletes. An open or missing execution is left unchanged.
        """
        key = execution_key(execution_id)
        mark = Update(EXECUTIONS, key, (Set("pruned_at", now),), And(IS_FINAL, Absent("pruned_at")))
        try:
            self._tables.write(mark, "execution.pruned")
        except ConditionFailedError as error:
            if error.current is None or "pruned_at" not in error.current:
                return
        self._tables.write(Delete(EXECUTIONS, key, Exists("pruned_at"), was_read=True), "execution.deleted")

    def _all_of_command(self, command_id: str) -> Iterator[Page]:
        """Index rows of all executions of a command: a page of each shard at the same time, until all have ended."""
        index = EXECUTIONS.index("by_command")
        queries = [Query(EXECUTIONS, command_shard(command_id, shard), index=index) for shard in range(SHARDS)]
        while queries:
            pages = self._tables.query_many(queries)
            yield from pages
            queries = [
                replace(query, start=page.last_key)
                for query, page in zip(queries, pages, strict=True)
                if page.last_key is not None
            ]

    def _open_query(self, node_id: str, after: str | None = None, limit: int | None = None) -> Query:
        start = None if after is None else {"open_node_id": node_id, "id": after}
        return Query(EXECUTIONS, node_id, index=EXECUTIONS.index("open_by_node"), limit=limit, start=start)


def _unsearched(command_id: str) -> Write:
    """The check that no executions of a command are created, and no nodes are searched for it."""
    return Check(FAN_OUTS, fan_out_key(command_id), And(Absent("parts"), Absent("looks_since")))


def put_execution(execution: Execution) -> Put:
    """The write of a new execution."""
    return put_new(EXECUTIONS, execution_to_item(execution))


def _execution_or_none(item: Item | None) -> Execution | None:
    return None if item is None else execution_from_item(item)


def _standing(row: Item) -> str:
    """The field of a summary in which an index row is counted."""
    status = str(row["status"])
    outcome = outcome_of(status, row.get("exit_code"))
    return status if outcome is Outcome.OPEN else outcome.value


def _count_open(page: Page) -> int:
    return sum(map(_is_open, page.items))


def _is_open(row: Item) -> bool:
    return Status(str(row["status"])) in OPEN
