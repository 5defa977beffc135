from collections.abc import Iterable, Sequence

from edge_agent.durable import StateDirectory
from edge_agent.errors import UnavailableError, told
from edge_agent.journal_thread import JournalThread

ASKED_FILE = "acknowledging.json"


class Asked:
    """The executions that this agent has asked the server for and does not know to be its own yet.

    An id is on disk before its acknowledgement is sent. So whatever the server's list `sent` shows and neither this nor
    the journal names was given to somebody else: to a copy of this state directory on another machine, or to an agent
    whose record is lost. It must not be run here.
    """

    def __init__(self, state: StateDirectory, journal_thread: JournalThread, *, is_first_agent: bool) -> None:
        """`is_first_agent`: no other one has used this directory."""
        self._state = state
        self._journal_thread = journal_thread
        self._ids: dict[str, None] = {}
        self._is_first_agent = is_first_agent
        self._is_written = False
        self.was_kept = True
        """Whether the last agent on this directory kept such a record; those before this version did not."""

    def load(self) -> None:
        """Raises OSError."""
        content = self._state.read(ASKED_FILE)
        self._is_written = content is not None
        self.was_kept = self._is_written or self._is_first_agent
        ids = content.get("ids") if content is not None else None
        self._ids = dict.fromkeys(each for each in ids if isinstance(each, str)) if isinstance(ids, list) else {}

    def ids(self) -> Sequence[str]:
        return tuple(self._ids)

    def __contains__(self, execution_id: str) -> bool:
        return execution_id in self._ids

    async def add(self, execution_ids: Iterable[str]) -> None:
        """Returns once they are on disk; without any, that there is a record. Raises UnavailableError, and nothing may
        be asked for, where the disk does not take that."""
        new = [each for each in execution_ids if each not in self._ids]
        if not new and self._is_written:
            return
        ids = {**self._ids, **dict.fromkeys(new)}
        try:
            await self._journal_thread.run(self._state.write, ASKED_FILE, {"ids": list(ids)})
        except OSError as error:
            raise UnavailableError(f"the disk takes nothing: {told(error)}") from error
        self._ids = ids
        self._is_written = self.was_kept = True

    def settled(self, execution_id: str) -> None:
        """It is in the journal, or the server has not given it. The file forgets it with the next id that is added."""
        self._ids.pop(execution_id, None)


def forget_asked(state: StateDirectory) -> None:
    """For whoever asked on another machine. Raises OSError."""
    state.write(ASKED_FILE, {"ids": []})
