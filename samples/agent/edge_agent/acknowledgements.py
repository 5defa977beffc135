from collections.abc import Iterable, Sequence

from edge_agent.errors import UnavailableError, describe
from edge_agent.journal_writer import JournalWriter
from edge_agent.state_directory import StateDirectory

ACKNOWLEDGING_FILE = "acknowledging.json"


class Acknowledgements:
    """The executions that this agent has acknowledged, or is about to, and that are not in its journal yet.

    An id is on disk before its acknowledgement is sent. An execution in the server's `sent` list that is neither here
    nor in the journal was therefore given to another agent: to a copy of this state directory on another machine, or to
    one whose record is lost. It must not be run here.
    """

    def __init__(self, state: StateDirectory, journal_writer: JournalWriter, *, is_first_agent: bool) -> None:
        """`is_first_agent`: no agent has used this directory before."""
        self._state = state
        self._journal_writer = journal_writer
        self._ids: dict[str, None] = {}
        self._is_first_agent = is_first_agent
        self._is_written = False
        self.was_kept = True
        """Whether the previous agent on this directory kept this record; early versions did not."""

    def load(self) -> None:
        """Load the record of the previous agent. Raises OSError."""
        content = self._state.read(ACKNOWLEDGING_FILE)
        self._is_written = content is not None
        self.was_kept = self._is_written or self._is_first_agent
        ids = content.get("ids") if content is not None else None
        self._ids = dict.fromkeys(each for each in ids if isinstance(each, str)) if isinstance(ids, list) else {}

    def ids(self) -> Sequence[str]:
        return tuple(self._ids)

    def __contains__(self, execution_id: str) -> bool:
        return execution_id in self._ids

    async def add(self, execution_ids: Iterable[str]) -> None:
        """Record ids, and return once they are on disk. Without ids, make sure that a record exists.

        Raises `UnavailableError` if it cannot be written; nothing may be acknowledged then.
        """
        new = [each for each in execution_ids if each not in self._ids]
        if not new and self._is_written:
            return
        ids = {**self._ids, **dict.fromkeys(new)}
        try:
            await self._journal_writer.run(self._state.write, ACKNOWLEDGING_FILE, {"ids": list(ids)})
        except OSError as error:
            raise UnavailableError(f"the state cannot be written: {describe(error)}") from error
        self._ids = ids
        self._is_written = self.was_kept = True

    def forget(self, execution_id: str) -> None:
        """Forget an id that is in the journal or was not given to this agent. The next `add` updates the file."""
        self._ids.pop(execution_id, None)


def begin_acknowledgements(state: StateDirectory) -> None:
    """Begin the record in a directory that no agent has used, before its journal: a directory with a journal and no
    record is that of an early version. Raises OSError."""
    files = state.disk.files(state.path)
    if state.journal.name not in files and ACKNOWLEDGING_FILE not in files:
        state.write(ACKNOWLEDGING_FILE, {"ids": []})


def forget_acknowledgements(state: StateDirectory) -> None:
    """Empty the record, since another machine made the acknowledgements in it. Raises OSError."""
    state.write(ACKNOWLEDGING_FILE, {"ids": []})
