import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import PurePath
from typing import Any

from edge_agent.backoff import Backoff
from edge_agent.enrollment import NODE_REMOVED, REMOVED_OR_BLOCKED, Enroller, token_is_unknown
from edge_agent.errors import NetworkError, RefusedError, UnavailableError, describe
from edge_agent.event_log import EventLog
from edge_agent.http_client import Answer, HttpClient, ask
from edge_agent.identity import IDENTITY_FILE, Identity, load_identity, save_identity
from edge_agent.ports import Ports
from edge_agent.ports.clock import Timer
from edge_agent.state_directory import StateDirectory
from edge_agent.times import ServerTime

# The server's code for a node whose identity two machines use. Neither gets work until an operator has decided.
IDENTITY_CONFLICT = "identity_conflict"
# A new identity is not much larger than the old one; the first is some hundreds of bytes.
ROOM_BYTES = 8 * 1024
# Renewals at shorter intervals hint at two machines with one identity, or at a faulty server.
STEADY_SECONDS = 600.0
HEAD_START_SECONDS = 5.0


class Session:
    """Makes API calls with the node's token, and renews the token when the server refuses it.

    At the start, `run` re-registers a stored identity, since version and settings may have changed. Calls wait up to
    `HEAD_START_SECONDS` for that, then use the stored token. Disk space for a new identity is reserved before it is
    requested, and it is on disk before it is used.

    No answer of the server ends the agent. While the server refuses the token and grants no new one, calls wait; `run`
    retries with an exponential backoff of up to an hour, until an operator has acted.
    """

    def __init__(
        self,
        *,
        client: HttpClient,
        enroller: Enroller,
        state: StateDirectory,
        new_backoff: Callable[[], Backoff],
        new_slow_backoff: Callable[[], Backoff],
        ports: Ports,
        server_time: ServerTime,
        log: EventLog,
    ) -> None:
        """`new_slow_backoff` is for refusals, `new_backoff` for errors of this machine."""
        self._client = client
        self._enroller = enroller
        self._state = state
        self._new_backoff = new_backoff
        self._new_slow_backoff = new_slow_backoff
        self._conflict_backoff = new_slow_backoff()
        self._ports = ports
        self._server_time = server_time
        self._log = log
        self._renewed_calls: list[Callable[[], None]] = []
        self._removed_calls: list[Callable[[], None]] = []
        self._shut_out_calls: list[Callable[[], None]] = []
        self._enrolled_again_calls: list[Callable[[], None]] = []
        self._due = asyncio.Event()
        self._usable = asyncio.Event()
        self._head_start: Timer | None = None
        self.refusal: str | None = None
        """Why the server refused the last registration; None if it did not."""
        self.identity: Identity

    def on_renewed(self, call: Callable[[], None]) -> None:
        """Register a function that is called after every renewal: the identity's settings may have changed."""
        self._renewed_calls.append(call)

    def on_enrolled_again(self, call: Callable[[], None]) -> None:
        """Register a function that is called after a renewal that had to be an enrolment."""
        self._enrolled_again_calls.append(call)

    def on_removed(self, call: Callable[[], None]) -> None:
        """Register a function that is called when an operator has deleted this node, and its work with it. It may be
        called again."""
        self._removed_calls.append(call)

    def on_shut_out(self, call: Callable[[], None]) -> None:
        """Register a function that is called when an operator has deleted or blocked this node. It may be called
        again."""
        self._shut_out_calls.append(call)

    async def open(self, *, register_again: bool = True) -> None:
        """Load the stored identity, or retry the enrolment until it succeeds. `register_again` lets `run` re-register
        a stored identity."""
        stored = load_identity(self._state)
        if stored is None:
            self.identity = await self._new_identity(self._enroller.enrol)
        else:
            # Early versions did not record this time.
            enrolled_at = stored.enrolled_at or self._server_time.now().isoformat(timespec="microseconds")
            self.identity = replace(stored, enrolled_at=enrolled_at)
            if register_again:
                self._due.set()
                self._head_start = self._ports.clock.call_later(HEAD_START_SECONDS, self._end_head_start)
                return
        self._usable.set()

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        """Make a call and return the answer, regardless of its status; a refused token is renewed first.

        Raises `UnavailableError` if the call may be repeated later.
        """
        for _ in range(2):
            await self.usable()
            identity = self.identity
            answer = await ask(self._client, identity.admin_urls, method, path, token=identity.api_token, **options)
            if answer.code == IDENTITY_CONFLICT:
                seconds = self._conflict_backoff.next_seconds()
                self._log.write("node.identity_conflict", reason=answer.problem, seconds=round(seconds, 3))
                raise UnavailableError(answer.problem, seconds)
            if not token_is_unknown(answer):
                self._conflict_backoff.reset()
                return answer
            if answer.code in REMOVED_OR_BLOCKED:
                self._tell_shut_out(answer.code)
            await self.renew(identity.api_token)
        raise UnavailableError("the server refuses the token that it has just given")

    async def download(self, url: str, target: PurePath, size_bytes: int) -> None:
        """Save the content at a link of the server. Raises `UnavailableError`, and OSError, as for a full disk."""
        try:
            await self._client.download(url, target, size_bytes, self._ports.disk)
        except NetworkError as error:
            raise UnavailableError(str(error)) from error

    async def usable(self) -> None:
        """Wait while the server refuses this node."""
        await self._usable.wait()

    async def renew(self, refused_token: str) -> None:
        """Wait for a new identity, if the current one still has the token that the server refused."""
        if self.identity.api_token == refused_token:
            self._usable.clear()
            self._due.set()
        await self.usable()

    async def run(self) -> None:
        backoff = self._new_slow_backoff()
        renewed_at: float | None = None
        while True:
            await self._due.wait()
            if renewed_at is not None and self._ports.clock.monotonic() - renewed_at < STEADY_SECONDS:
                seconds = backoff.next_seconds()
                self._log.write("node.renewed_lately", seconds=round(seconds, 3))
                await self._ports.clock.sleep(seconds)
            else:
                backoff.reset()
            identity = await self._new_identity(lambda: self._enroller.renew(self.identity, self._tell_shut_out))
            renewed_at = self._ports.clock.monotonic()
            self._due.clear()
            self._take(identity)

    def _tell_shut_out(self, code: str) -> None:
        for call in [*self._shut_out_calls, *(self._removed_calls if code == NODE_REMOVED else ())]:
            call()

    def _take(self, identity: Identity) -> None:
        self._end_head_start()
        is_new = identity.enrolled_at != self.identity.enrolled_at
        self.identity = identity
        self._usable.set()
        for call in [*self._renewed_calls, *(self._enrolled_again_calls if is_new else ())]:
            call()

    async def _new_identity(self, ask_server: Callable[[], Any]) -> Identity:
        """Get an identity from the server and store it. Retries until both have succeeded."""
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
                await self._ports.clock.sleep(seconds)
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
                await self._ports.threads.run(partial(write, *arguments))
            except OSError as error:
                seconds = backoff.next_seconds()
                self._log.write("state.not_written", reason=describe(error), seconds=round(seconds, 3))
                await self._ports.clock.sleep(seconds)
            else:
                return

    def _room_bytes(self) -> int:
        known = getattr(self, "identity", None)
        return ROOM_BYTES + (0 if known is None else len(json.dumps(asdict(known))))
