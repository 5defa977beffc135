import asyncio
import os
import random
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from edge_agent.agent_api import AgentApi
from edge_agent.backoff import Backoff
from edge_agent.clock import format_time, parse_time
from edge_agent.durable import StateDirectory
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog

CHECK_SECONDS = 2 * 60 * 60.0
CHECK_JITTER = 0.1
STATE_FILE = "self_update.json"
OUTPUT_FILE = "self_update.log"
REQUEST_VARIABLE = "EDGE_SELF_UPDATE_REQUESTED_AT"


class SelfUpdater:
    """Runs the update command once for each request that is newer than the last one, and than this node's enrolment.

    What is acted upon is on disk before: a crash in between loses the request, and never repeats it. Requests carry
    whole seconds: of two in one second, one is acted upon. The command has a session of its own: it lives on when the
    agent stops, and may start it again. Its output goes to a file of the state directory. While one runs, the server is
    not asked: the next request waits, and where the command hangs the server learns that it was in vain.
    """

    def __init__(
        self,
        *,
        api: AgentApi,
        command: str,
        state: StateDirectory,
        enrolled_at: Callable[[], datetime],
        environment: Mapping[str, str],
        backoff: Backoff,
        chance: random.Random,
        log: EventLog,
    ) -> None:
        self._api = api
        self._command = command
        self._state = state
        self._enrolled_at = enrolled_at
        self._environment = environment
        self._backoff = backoff
        self._chance = chance
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def asked(self, frame: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - it says nothing more
        """Look for a request now."""
        self._asked.set()

    def asked_from_thread(self) -> None:
        self._from_thread(self._asked.set)

    async def run(self) -> None:
        while True:
            await self._idle.wait()
            self._asked.clear()
            try:
                requested_at = await self._api.newest_self_update()
            except UnavailableError as error:
                delay = self._backoff.next_seconds(error.retry_after_seconds)
                self._log.write("self_update.check_failed", reason=str(error), seconds=round(delay, 3))
                await asyncio.sleep(delay)
                continue
            self._backoff.reset()
            if requested_at is not None and self._is_new(requested_at):
                await self._act(requested_at)
            await self._pause()

    def _is_new(self, requested_at: datetime) -> bool:
        # The enrolment is known more exactly than the request: within one second the server's word decides.
        if requested_at <= self._enrolled_at() - timedelta(seconds=1):
            return False
        last = self._state.read(STATE_FILE)
        return last is None or requested_at > parse_time(last["acted_on"])

    async def _act(self, requested_at: datetime) -> None:
        text = format_time(requested_at)
        await asyncio.to_thread(self._state.write, STATE_FILE, {"acted_on": text})
        self._log.write("self_update.started", requested_at=text)
        try:
            self._start({**self._environment, REQUEST_VARIABLE: text})
        except (OSError, ValueError) as error:
            self._log.write("self_update.not_started", reason=type(error).__name__)

    def _start(self, environment: Mapping[str, str]) -> None:
        path = self._state.path / OUTPUT_FILE
        output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            process = subprocess.Popen(  # noqa: S603 - running what the owner configured is the purpose
                ["/bin/sh", "-c", self._command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        finally:
            os.close(output)
        self._idle.clear()
        threading.Thread(target=self._watch, args=(process,), name="self-update", daemon=True).start()

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        self._log.write("self_update.ended", exit_code=process.wait())
        self._from_thread(self._idle.set)

    def _from_thread(self, call: Callable[[], None]) -> None:
        # A loop that is closed belongs to an agent that stops.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call)

    async def _pause(self) -> None:
        seconds = CHECK_SECONDS * self._chance.uniform(1 - CHECK_JITTER, 1 + CHECK_JITTER)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._asked.wait()
