import asyncio
import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from edge_agent.agent_api import AgentApi, StoredOutput
from edge_agent.backoff import Backoff
from edge_agent.errors import RefusedError, UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.ports import Ports
from edge_agent.spool import Output, note_lines
from edge_agent.uploading import upload
from edge_agent.whole_outputs import WholeOutputs

UPLOAD_BYTES = 16 * 1024 * 1024  # the largest that the server takes, compressed
UPLOAD_SECONDS = 900.0
# How long the store counts as away after an upload that did not reach it: the outputs that wait for each other, and
# those that come meanwhile, are not to find out one by one.
AWAY_SECONDS = 600.0
# How often the server is asked for an upload before the result goes without. As it answers nothing else either while it
# is away, only a server that takes results and cannot answer this ends it.
ASKS = 8
GZIP = 31  # zlib's number for this format; without a time in it, so that the same output is the same upload
LEVEL = 6
NEWLINE = ord("\n")


@dataclass(frozen=True)
class _Digest:
    """Identifies an upload. The same output always has the same."""

    size_bytes: int
    packed_bytes: int
    sha256: str


class LargeOutputs:
    """Uploads outputs that no result can hold, one at a time, so that their results can name them.

    An upload is an extra: no result waits longer than `UPLOAD_SECONDS` for a store that cannot be reached, however many
    outputs there are, and none is lost for it.
    """

    def __init__(
        self, api: AgentApi, wholes: WholeOutputs, new_backoff: Callable[[], Backoff], ports: Ports, log: EventLog
    ) -> None:
        self._api = api
        self._wholes = wholes
        self._new_backoff = new_backoff
        self._ports = ports
        self._log = log
        self._one_at_a_time = asyncio.Lock()
        self._done: dict[str, StoredOutput | None] = {}
        self._digests: dict[str, _Digest | None] = {}
        self._failures: Counter[str] = Counter()
        self._away_until = 0.0

    async def store(self, execution_id: str, output: Output, notes: Sequence[str]) -> StoredOutput | None:
        """Upload a cut output, once however often this is called, and return what its result says of it. None if the
        server does not take outputs, or it is not kept. Raises `UnavailableError` if the server may be asked again."""
        if execution_id in self._done:
            return self._done[execution_id]
        try:
            async with self._one_at_a_time:
                stored = await self._upload(execution_id, output, notes)
        except UnavailableError:
            self._failures[execution_id] += 1
            if self._failures[execution_id] < ASKS:
                raise
            return None
        self._done[execution_id] = stored
        return stored

    def server_is_away(self, execution_id: str) -> None:
        """Note that the result could not be reported either, so that failures of its upload do not count."""
        self._failures.pop(execution_id, None)

    def forget(self, execution_id: str) -> None:
        """Remove what is kept of an output whose result is settled."""
        self._done.pop(execution_id, None)
        self._digests.pop(execution_id, None)
        self._failures.pop(execution_id, None)
        self._wholes.remove(execution_id)

    async def _upload(self, execution_id: str, output: Output, notes: Sequence[str]) -> StoredOutput | None:
        content = None
        if execution_id not in self._digests:
            content, self._digests[execution_id] = await self._packed(execution_id, output, notes)
        digest = self._digests[execution_id]
        if digest is None:
            return self._cut(execution_id, "it is not kept whole", None)
        without = StoredOutput(digest.size_bytes, None)
        if self._ports.clock.monotonic() < self._away_until:
            return self._cut(execution_id, "another upload did not reach the store lately", without)
        target = await self._api.output_upload(execution_id, digest.packed_bytes, digest.sha256)
        if target is None:
            return self._cut(execution_id, "the server takes no upload", None)
        if content is None:
            # Not held in memory while the server is away: packed again now.
            content, _ = await self._packed(execution_id, output, notes)
        try:
            async with self._ports.clock.timeout(UPLOAD_SECONDS):
                backoff, network, clock = self._new_backoff(), self._ports.network, self._ports.clock
                await upload(target.url, content, network, clock, backoff, headers=target.headers)
        except RefusedError as error:
            return self._cut(execution_id, str(error), without)
        except (UnavailableError, TimeoutError) as error:
            self._away_until = self._ports.clock.monotonic() + AWAY_SECONDS
            return self._cut(execution_id, str(error) or "it takes too long", without)
        self._log.write("execution.output_uploaded", execution_id=execution_id, size_bytes=digest.size_bytes)
        return StoredOutput(digest.size_bytes, digest.sha256)

    def _cut(self, execution_id: str, reason: str, stored: StoredOutput | None) -> StoredOutput | None:
        self._log.write("execution.output_cut", execution_id=execution_id, reason=reason)
        return stored

    async def _packed(self, execution_id: str, output: Output, notes: Sequence[str]) -> tuple[bytes, _Digest | None]:
        return await self._ports.threads.run(lambda: _pack(self._pieces(execution_id, output), notes))

    def _pieces(self, execution_id: str, output: Output) -> Iterable[bytes] | None:
        """The whole output; None if it is not kept."""
        if output.whole is not None:
            return [output.whole]
        size = self._wholes.size(execution_id)
        # After a power cut there may be less than was counted.
        return None if size is None or size < output.total else self._wholes.pieces(execution_id)


def _pack(pieces: Iterable[bytes] | None, notes: Sequence[str]) -> tuple[bytes, _Digest | None]:
    """A compressed output with its notes, and its digest; None if there is none, or it is too large."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
    content, size = bytearray(), 0
    try:
        for piece in [] if pieces is None else _with_notes(pieces, notes):
            size += len(piece)
            content += packer.compress(piece)
            if len(content) > UPLOAD_BYTES:
                return b"", None
    except OSError:
        return b"", None
    content += packer.flush()
    if pieces is None or len(content) > UPLOAD_BYTES:
        return b"", None
    return bytes(content), _Digest(size, len(content), hashlib.sha256(content).hexdigest())


def _with_notes(pieces: Iterable[bytes], notes: Sequence[str]) -> Iterator[bytes]:
    last = NEWLINE
    for piece in pieces:
        last = piece[-1] if piece else last
        yield piece
    yield note_lines(notes, begins_line=last == NEWLINE).encode()
