"""What holds at rest after every rehearsal. Each invariant is a function of the evidence, and tells what breaks it."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.fleet.commands.model import FINAL, Status
from chalicelib.kit.counters import total_of

Row = Mapping[str, Any]

EVENT = "edge.command_execution."
TOLD = ("created", "sent", "completed")
"""The changes of an execution that runs to its end, as its events name them."""


@dataclass(frozen=True)
class Given:
    """A command that was accepted, and the nodes that it was for. ``mark`` is the line that each run of it leaves on
    its machine. ``is_told`` is false where events may be missing: its changes were lost with a stream."""

    command_id: str
    mark: str
    nodes: frozenset[str]
    is_told: bool = True


@dataclass(frozen=True)
class Evidence:
    """What was found: rows of the tables, lines on the machines, messages, events on the bus and at the webhook."""

    given: Sequence[Given]
    executions: Sequence[Row]
    command_count: int
    totals: Mapping[str, int]
    runs: Mapping[str, Counter[str]]
    """Node id -> how often each mark stands on its disk; only of machines whose disk can be read."""

    waiting: Mapping[str, int]
    """Queue -> messages that it still has, of those that nobody may need: dead letters, and parked changes."""

    on_bus: Sequence[Row]
    at_webhook: Sequence[Row]


Invariant = Callable[[Evidence], Iterator[str]]


def every_target_has_one_execution(found: Evidence) -> Iterator[str]:
    pairs = Counter((row["command_id"], row["node_id"]) for row in found.executions)
    for given in found.given:
        has = {node: count for (command, node), count in pairs.items() if command == given.command_id}
        if missing := given.nodes - has.keys():
            yield f"{given.mark}: no execution for {len(missing)} of {len(given.nodes)} nodes, {min(missing)}"
        if strangers := has.keys() - given.nodes:
            yield f"{given.mark}: an execution for {sorted(strangers)}, whom it was not for"
        if any(count > 1 for count in has.values()):
            yield f"{given.mark}: two executions for one node"


def every_execution_has_ended(found: Evidence) -> Iterator[str]:
    for row in _ours(found):
        if row["status"] not in FINAL:
            yield f"{row['id']} on {row['node_id']} is {row['status']}"


def a_machine_runs_it_once_at_most(found: Evidence) -> Iterator[str]:
    for node, marks in found.runs.items():
        for mark, count in marks.items():
            if count > 1:
                yield f"{mark} ran {count} times on {node}"


def what_succeeded_has_run(found: Evidence) -> Iterator[str]:
    marks = {given.command_id: given.mark for given in found.given}
    for row in _ours(found):
        runs = found.runs.get(str(row["node_id"]))
        is_success = row["status"] == Status.COMPLETED and row.get("exit_code") == 0
        if runs is not None and is_success and marks[row["command_id"]] not in runs:
            yield f"{row['id']} has succeeded, and never ran on {row['node_id']}"


def totals_are_those_of_the_rows(found: Evidence) -> Iterator[str]:
    rows = found.executions
    counted = {"commands": found.command_count, "executions": len(rows)}
    counted |= {total_of("executions", "status", status): 0 for status in Status}
    counted |= Counter(total_of("executions", "status", row["status"]) for row in rows)
    for total, count in counted.items():
        if found.totals.get(total, 0) != count:
            yield f"the total {total} is {found.totals.get(total, 0)}, there are {count} rows"


def totals_of_commands_are_those_of_the_rows(found: Evidence) -> Iterator[str]:
    """Of single commands. A recount leaves these, so only where no stream was lost."""
    counts = Counter(row["command_id"] for row in found.executions)
    for given in found.given:
        total = total_of("executions", "command_id", given.command_id)
        if given.is_told and found.totals.get(total, 0) != counts[given.command_id]:
            yield f"{given.mark}: its total is {found.totals.get(total, 0)}, it has {counts[given.command_id]} rows"


def no_letter_is_dead(found: Evidence) -> Iterator[str]:
    for queue, count in found.waiting.items():
        if count:
            yield f"{queue} has {count} messages"


def each_change_is_one_event(found: Evidence) -> Iterator[str]:
    """On the bus: each change of an execution under one id. At the webhook: each of these events at least once."""
    ids: dict[tuple[str, str], set[str]] = {}
    for envelope in found.on_bus:
        ids.setdefault(_change(envelope), set()).add(str(envelope["id"]))
    delivered = {str(envelope["id"]) for envelope in found.at_webhook}
    told = {given.command_id for given in found.given if given.is_told}
    for row in _ours(found):
        if row["command_id"] not in told or row["status"] != Status.COMPLETED:
            continue
        for change in TOLD:
            events = ids.get((str(row["id"]), change), set())
            if len(events) != 1:
                yield f"{row['id']}: {len(events)} events say that it was {change}"
            elif not events <= delivered:
                yield f"{row['id']}: the webhook was not told that it was {change}"


INVARIANTS: tuple[Invariant, ...] = (
    every_target_has_one_execution,
    every_execution_has_ended,
    a_machine_runs_it_once_at_most,
    what_succeeded_has_run,
    totals_are_those_of_the_rows,
    totals_of_commands_are_those_of_the_rows,
    no_letter_is_dead,
    each_change_is_one_event,
)


def broken(found: Evidence, but: frozenset[Invariant] = frozenset()) -> list[str]:
    """What breaks an invariant, each with its name; empty if all hold."""
    return [f"{each.__name__}: {text}" for each in INVARIANTS if each not in but for text in each(found)]


def _ours(found: Evidence) -> Iterator[Row]:
    ids = {given.command_id for given in found.given}
    return (row for row in found.executions if row["command_id"] in ids)


def _change(envelope: Row) -> tuple[str, str]:
    return str(envelope["data"].get("command_execution_id", "")), str(envelope["type"]).removeprefix(EVENT)
