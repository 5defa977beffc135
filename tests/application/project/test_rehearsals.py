"""What rehearsals share: invariants that find what is broken, and a document that lists every rehearsal."""

import re
from collections import Counter
from dataclasses import replace

import pytest

from infra.package import ROOT
from tests.rehearsals.catalogue import REHEARSALS
from tests.rehearsals.invariants import INVARIANTS, Evidence, Given, broken

COMMAND, NODES = "c-1", ("n-1", "n-2")
GIVEN = Given(COMMAND, "run-1", frozenset(NODES))
ROWS = tuple(
    {"id": f"e-{node}", "command_id": COMMAND, "node_id": node, "status": "completed", "exit_code": 0} for node in NODES
)
EVENTS = tuple(
    {
        "id": f"{row['id']}-{change}",
        "type": f"edge.command_execution.{change}",
        "data": {"command_execution_id": row["id"]},
    }
    for row in ROWS
    for change in ("created", "sent", "completed")
)
WELL = Evidence(
    given=(GIVEN,),
    executions=ROWS,
    command_count=1,
    totals={"commands": 1, "executions": 2, "executions#status#completed": 2, "executions#command_id#c-1": 2},
    runs={node: Counter({"run-1": 1}) for node in NODES},
    waiting={"events-dead": 0},
    on_bus=EVENTS,
    at_webhook=(*EVENTS, EVENTS[0]),
)


def test_undamaged_evidence_breaks_no_invariant():
    assert broken(WELL) == []


def with_row(**changes):
    return replace(WELL, executions=({**ROWS[0], **changes}, ROWS[1]))


DAMAGE = (
    ("every_target_has_one_execution", replace(WELL, executions=ROWS[:1])),
    ("every_target_has_one_execution", replace(WELL, executions=(*ROWS, {**ROWS[0], "id": "e-3"}))),
    ("every_target_has_one_execution", with_row(node_id="n-3")),
    ("every_execution_has_ended", with_row(status="sent")),
    ("a_machine_runs_it_once_at_most", replace(WELL, runs={"n-1": Counter({"run-1": 2})})),
    ("what_succeeded_has_run", replace(WELL, runs={"n-1": Counter()})),
    ("totals_are_those_of_the_rows", replace(WELL, command_count=2)),
    ("totals_are_those_of_the_rows", replace(WELL, totals={**WELL.totals, "executions#status#sent": 1})),
    ("totals_of_commands_are_those_of_the_rows", replace(WELL, totals={**WELL.totals, "executions#command_id#c-1": 3})),
    ("no_letter_is_dead", replace(WELL, waiting={"events-dead": 1})),
    ("each_change_is_one_event", replace(WELL, on_bus=EVENTS[1:])),
    ("each_change_is_one_event", replace(WELL, on_bus=(*EVENTS, {**EVENTS[0], "id": "another"}))),
    ("each_change_is_one_event", replace(WELL, at_webhook=EVENTS[1:])),
)


@pytest.mark.parametrize(("invariant", "found"), DAMAGE)
def test_each_kind_of_damage_breaks_its_invariant(invariant, found):
    assert {text.partition(":")[0] for text in broken(found)} >= {invariant}


def test_every_invariant_can_be_broken():
    tried = {invariant for invariant, _ in DAMAGE}
    assert tried == {each.__name__ for each in INVARIANTS}


def test_lost_stream_excuses_events_of_its_commands_and_nothing_else():
    excused = replace(WELL, given=(replace(GIVEN, is_told=False),), on_bus=(), at_webhook=())
    assert broken(excused) == []
    assert broken(replace(excused, executions=ROWS[:1])) != []


def test_document_lists_every_rehearsal_in_its_order():
    section = (ROOT / "docs" / "reliability.md").read_text().partition("\n## Rehearsals\n")[2]
    assert re.findall(r"^- `([\w-]+)`: ", section, re.MULTILINE) == [each.name for each in REHEARSALS]
