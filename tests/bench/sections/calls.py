"""Calls, read units and write units of every operation, and of callers beside it, over the real route handlers, in
process.

Counted by the fake, whose units follow the published rules from the sizes of items. Beside them, in a full run, the
local cloud's own figures for the same writes: those that it makes from sizes as well. Of reads it says a constant.
"""

from collections.abc import Iterator, Sequence

from chalicelib.kit.tables import Call
from tests.bench.extras import EXTRAS, Extra
from tests.bench.identity import IDENTITY
from tests.bench.local_figures import Written, agreement
from tests.bench.operations import OPERATIONS, Operation
from tests.bench.report import Figure, wide_table
from tests.bench.report import table as plain_table

TITLE = "Calls and capacity units of each operation"

KINDS = ("calls", "read units", "write units")


def measure(*, quick: bool) -> Iterator[Figure]:
    shared = Operation.scene()
    written: list[Written] = []
    for operation in OPERATIONS:
        scene = shared if operation.changes_nothing else operation.scene()
        operation.ask(scene)
        yield from figures_of(operation, scene.calls)
        written += scene.written
    for extra in (*EXTRAS, *IDENTITY):
        yield from figures_of(extra, extra.ask())
    if not quick:
        yield from agreement(written)


def table(figures: Sequence[Figure]) -> str:
    of_operations = [figure for figure in figures if figure.unit in KINDS]
    others = [figure for figure in figures if figure.unit not in KINDS]
    both = [wide_table("operation", of_operations)] + ([plain_table(others)] if others else [])
    return "\n\n".join(both)


def figures_of(operation: Operation | Extra, calls: Sequence[Call]) -> Iterator[Figure]:
    """One figure of each of the `KINDS`, for these calls."""
    values = (len(calls), sum(call.read_units for call in calls), sum(call.write_units for call in calls))
    targets = (operation.calls, operation.read_units, operation.write_units)
    for kind, value, target in zip(KINDS, values, targets, strict=True):
        yield Figure(f"{operation.name}: {kind}", value, kind, target, counted=True)
