from collections.abc import Callable
from pathlib import PurePath

from edge_agent.errors import describe
from edge_agent.ports.disk import Disk
from edge_agent.ports.threads import Threads
from edge_agent.spool import SPOOLED_BYTES, OutputSpool
from edge_agent.whole_outputs import WholeOutput, WholeOutputs


class CommandOutput:
    """All that one command writes. Everything passes through `append`, on its way to disk and network.

    Its ends are kept in the spool. An output that the spool cannot hold is also kept whole, from its first byte, as far
    as `WholeOutputs` has room.
    """

    def __init__(
        self,
        execution_id: str,
        folder: PurePath,
        disk: Disk,
        wholes: WholeOutputs,
        copy: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        """Start an empty output, whose spool is in a folder; `copy` also gets all that is appended. Raises OSError."""
        self._id = execution_id
        self._wholes = wholes
        self._copy = copy
        self._spool = OutputSpool(folder / execution_id, disk)
        self._whole: WholeOutput | None = None
        self._is_long = False
        self.not_whole: str | None = None
        """Why an output that is too long for the spool is not kept whole; None if it is, or is short."""

    @property
    def failure(self) -> str | None:
        """Why output was lost that should be in the result; None if nothing was."""
        return self._spool.failure

    def append(self, data: bytes) -> None:
        """Take what the command has written. Whatever the disk does, the command goes on."""
        if not self._is_long and self._spool.total + len(data) > SPOOLED_BYTES:
            self._is_long = True
            self._begin_whole()
        if self._whole is not None:
            # Before the spool: what is kept whole is never less than what the spool has counted.
            self._add_to_whole(self._whole, data)
        self._spool.append(data)
        self._copy(data)

    def latest(self, most_bytes: int) -> tuple[bytes, int]:
        """The last bytes so far, and how many there were before; nothing if the disk does not give them."""
        try:
            return self._spool.latest(most_bytes)
        except OSError:
            return b"", self._spool.total

    def sync_ends(self) -> None:
        """Return once the spool survives a power cut, as far as the disk allows."""
        self._spool.sync()

    async def sync_whole(self, threads: Threads) -> None:
        """The same for what is kept whole, which may take a while."""
        if self._whole is not None:
            try:
                await threads.run(self._whole.sync)
            except (OSError, RuntimeError) as error:  # RuntimeError: the system has no thread left
                self._give_up(error)

    def close(self) -> None:
        self._spool.close()
        if self._whole is not None:
            self._whole.close()

    def _begin_whole(self) -> None:
        try:
            so_far = self._spool.so_far()
            self._whole = self._wholes.start(self._id)
        except OSError as error:
            self.not_whole = describe(error)
            return
        self._add_to_whole(self._whole, so_far)

    def _add_to_whole(self, whole: WholeOutput, data: bytes) -> None:
        try:
            whole.append(data)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.not_whole = describe(error)
        if self._whole is not None:
            self._whole.drop()
            self._whole = None
