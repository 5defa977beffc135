"""`TargetPages`: the nodes that a command is for, page by page and before its filters.

The nodes of a retry are those of another command's executions. It takes an execution as it was when the retry was
accepted: one that has changed since is left out, so that nothing that ends or comes late widens a
retry, and no machine repeats what it has reported meanwhile.
"""

from collections.abc import Iterator, Sequence

from chalicelib.fleet.commands.execution_store import ExecutionStore
from chalicelib.fleet.commands.model import Command, Execution
from chalicelib.fleet.commands.store import SHARDS, outcome_of_row
from chalicelib.fleet.nodes.model import TargetPage
from chalicelib.fleet.nodes.reading import NodeReader
from chalicelib.fleet.targeting import selection
from chalicelib.kit.cursors import StepCursor
from chalicelib.kit.tables import Tables

ROWS_AT_ONCE = 100
"""Executions of which rows are in memory at the same time, each with its output."""


class TargetPages:
    """Reads the nodes of the parts of a command. A node that is gone is in no page."""

    def __init__(self, tables: Tables, nodes: NodeReader) -> None:
        self._nodes = nodes
        self._executions = ExecutionStore(tables)

    def page(self, command: Command, part: str, cursor: str | None, size: int) -> TargetPage:
        """The next nodes of a part, at most ``size``: of those that enrolled before the command was given."""
        if part != selection.OF_EXECUTIONS:
            return selection.page_of_part(self._nodes, command.targeting, part, cursor, command.inserted_at, size)
        return self._page_of_retry(command, StepCursor.parse(cursor), size)

    def _page_of_retry(self, command: Command, here: StepCursor, size: int) -> TargetPage:
        """Index rows of one shard of the executions of the command that is repeated, and the nodes of those taken."""
        retried = command.retry_of
        if retried is None or here.step >= SHARDS:
            return TargetPage([], None)
        page = self._executions.page_of_command(retried, here.step, here.within, size)
        outcomes = command.targeting.outcomes or ()
        # The index lags: what it shows as open may have ended in time. Its row decides.
        ids = [str(row["id"]) for row in page.items if outcome_of_row(row) in outcomes]
        found = self._nodes.targets([row.node_id for row in self._taken(command, ids)])
        following = here.after(None if page.last_key is None else str(page.last_key["id"]))
        nodes = [node for node in found if node.inserted_at <= command.inserted_at]
        return TargetPage(nodes, following.text() if following.step < SHARDS else None)

    def _taken(self, command: Command, ids: Sequence[str]) -> Iterator[Execution]:
        outcomes = command.targeting.outcomes or ()
        for start in range(0, len(ids), ROWS_AT_ONCE):
            for row in self._executions.get_many(ids[start : start + ROWS_AT_ONCE]):
                is_within = command.targeting.includes(row.node_cluster_id)
                if is_within and row.outcome in outcomes and row.updated_at <= command.inserted_at:
                    yield row
