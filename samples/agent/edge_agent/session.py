import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from edge_agent.backoff import Backoff
from edge_agent.clock import Clock, ServerTime
from edge_agent.durable import StateDirectory
from edge_agent.enrollment import NODE_REMOVED, Enroller, is_of_no_node
from edge_agent.errors import NetworkError, RefusedError, UnavailableError, told
from edge_agent.event_log import EventLog
from edge_agent.http_client import Answer, HttpClient, ask
from edge_agent.identity import IDENTITY_FILE, Identity, load_identity, save_identity

# Two machines use this node's identity, and neither gets work until an operator has decided.
IDENTITY_CONFLICT = "identity_conflict"
# A new identity is not much larger than the old one; the first is some hundreds of bytes.
ROOM_BYTES = 8 * 1024
# Renewals closer together than this are two machines with one identity, or a server that is not sane.
STEADY_SECONDS = 600.0
HEAD_START_SECONDS = 5.0


class Session:
    """Calls in the node's name, with a token that is renewed when the server refuses it.

    A stored identity is registered anew at the start (`run`), since version and settings may have changed. That holds
    up the calls for a moment only, in which the token most often changes; then the stored one is used. A new
    identity is on disk before it is used, and room for it is there before it is asked for.

    Nothing that the server answers ends the agent. While the server refuses the node's token and no new one is to be
    had, calls wait; `run` asks again, after an exponential backoff of up to an hour, until an operator has helped.
    """

    def __init__(
        self,
        *,
        client: HttpClient,
        enroller: Enroller,
        state: StateDirectory,
        new_backoff: Callable[[], Backoff],
        new_slow_backoff: Callable[[], Backoff],
        clock: Clock,
        server_time: ServerTime,
        log: EventLog,
    ) -> None:
        """`new_slow_backoff` is for refusals, `new_backoff` for faults of this machine."""
        self._client = client
        self._enroller = enroller
        self._state = state
        self._new_backoff = new_backoff
        self._new_slow_backoff = new_slow_backoff
        self._conflict_backoff = new_slow_backoff()
        self._clock = clock
        self._server_time = server_time
        self._log = log
        self._when_renewed: list[Callable[[], None]] = []
        self._when_removed: list[Callable[[], None]] = []
        self._when_enrolled_anew: list[Callable[[], None]] = []
        self._due = asyncio.Event()
        self._usable = asyncio.Event()
        self._head_start: asyncio.TimerHandle | None = None
        self.refusal: str | None = None
        """Why the server refused the last registration, None if it did not."""
        self.identity: Identity

    def when_renewed(self, call: Callable[[], None]) -> None:
        """Call this after every renewal: what the server told may have changed."""
        self._when_renewed.append(call)

    def when_enrolled_anew(self, call: Callable[[], None]) -> None:
        """Call this whenever a renewal had to be an enrolment: the server then knows nothing of this node's past."""
        self._when_enrolled_anew.append(call)

    def when_removed(self, call: Callable[[], None]) -> None:
        """Call this when the server says that an operator has deleted this node, and with it all that it had to do."""
        self._when_removed.append(call)

    async def open(self, *, register_anew: bool = True) -> None:
        """Take the stored identity, or enrol for as long as it takes. `run` then registers the stored one anew if that
        is wanted."""
        stored = load_identity(self._state)
        if stored is None:
            self.identity = await self._new_identity(self._enroller.enrol)
        else:
            # An identity from before that time was recorded has none.
            enrolled_at = stored.enrolled_at or self._server_time.now().isoformat(timespec="microseconds")
            self.identity = replace(stored, enrolled_at=enrolled_at)
            if register_anew:
                self._due.set()
                self._head_start = asyncio.get_running_loop().call_later(HEAD_START_SECONDS, self._end_head_start)
                return
        self._usable.set()

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        """Any answer but one to a token that is no node's. Raises UnavailableError for what may be repeated later."""
        for _ in range(2):
            await self.usable()
            identity = self.identity
            answer = await ask(self._client, identity.admin_urls, method, path, token=identity.api_token, **options)
            if answer.code == IDENTITY_CONFLICT:
                seconds = self._conflict_backoff.next_seconds()
                self._log.write("node.identity_conflict", reason=answer.problem, seconds=round(seconds, 3))
                raise UnavailableError(answer.problem, seconds)
            if not is_of_no_node(answer):
                self._conflict_backoff.reset()
                return answer
            if answer.code == NODE_REMOVED:
                for call in self._when_removed:
                    call()
            await self.renew(identity.api_token)
        raise UnavailableError("the server refuses the token that it has just given")

    async def download(self, url: str, target: Path, size_bytes: int) -> None:
        """Save what the server has given a link to. Raises UnavailableError, and OSError as for a full disk."""
        try:
            await self._client.download(url, target, size_bytes)
        except NetworkError as error:
            raise UnavailableError(str(error)) from error

    async def usable(self) -> None:
        """Wait while the server refuses this node."""
        await self._usable.wait()

    async def renew(self, refused_token: str) -> None:
        """Wait until there is another identity than the one with that token, which the server refuses."""
        if self.identity.api_token == refused_token:
            self._usable.clear()
            self._due.set()
        await self.usable()

    async def run(self) -> None:
        backoff = self._new_slow_backoff()
        renewed_at: float | None = None
        while True:
            await self._due.wait()
            if renewed_at is not None and self._clock.monotonic() - renewed_at < STEADY_SECONDS:
                seconds = backoff.next_seconds()
                self._log.write("node.renewed_lately", seconds=round(seconds, 3))
                await asyncio.sleep(seconds)
            else:
                backoff.reset()
            identity = await self._new_identity(lambda: self._enroller.renew(self.identity))
            renewed_at = self._clock.monotonic()
            self._due.clear()
            self._take(identity)

    def _take(self, identity: Identity) -> None:
        self._end_head_start()
        is_new = identity.enrolled_at != self.identity.enrolled_at
        self.identity = identity
        self._usable.set()
        for call in [*self._when_renewed, *(self._when_enrolled_anew if is_new else ())]:
            call()

    async def _new_identity(self, ask_server: Callable[[], Any]) -> Identity:
        """One that is on disk, however long that takes."""
        slow = self._new_slow_backoff()
        while True:
            await self._on_disk(self._state.reserve, IDENTITY_FILE, self._room_bytes())
            try:
                identity: Identity = await ask_server()
            except RefusedError as error:
                self.refusal = str(error)
                self._end_head_start()
                seconds = slow.next_seconds()
                self._log.write("node.refused", reason=self.refusal, seconds=round(seconds, 3))
                await asyncio.sleep(seconds)
            else:
                self.refusal = None
                await self._on_disk(save_identity, self._state, identity)
                return identity

    def _end_head_start(self) -> None:
        if self._head_start is not None:
            self._head_start.cancel()
            self._head_start = None
            self._usable.set()

    async def _on_disk(self, write: Callable[..., None], *arguments: Any) -> None:
        backoff = self._new_backoff()
        while True:
            try:
                await asyncio.to_thread(write, *arguments)
            except OSError as error:
                seconds = backoff.next_seconds()
                self._log.write("state.not_written", reason=told(error), seconds=round(seconds, 3))
                await asyncio.sleep(seconds)
            else:
                return

    def _room_bytes(self) -> int:
        known = getattr(self, "identity", None)
        return ROOM_BYTES + (0 if known is None else len(json.dumps(asdict(known))))
