from contextlib import suppress

from edge_agent.journal import Journal, State
from edge_agent.ports.disk import Disk
from edge_agent.state_directory import StateDirectory
from edge_agent.whole_outputs import WholeOutputs


def drop_orphaned_outputs(journal: Journal, state: StateDirectory, wholes: WholeOutputs, disk: Disk) -> None:
    """Remove the outputs of settled executions, which a crash between the two steps of settling leaves."""

    def is_settled(execution_id: str) -> bool:
        return journal.state_of(execution_id) in (None, State.SETTLED)

    with suppress(OSError):
        for name in filter(is_settled, disk.files(state.spool)):
            disk.remove(state.spool / name)
    for name in filter(is_settled, wholes.ids):
        wholes.remove(name)
