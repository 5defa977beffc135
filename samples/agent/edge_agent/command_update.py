import asyncio
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from edge_agent.clock import format_time
from edge_agent.durable import StateDirectory
from edge_agent.event_log import EventLog
from edge_agent.update_api import UpdateRequest

OUTPUT_FILE = "self_update.log"
REQUEST_VARIABLE = "EDGE_SELF_UPDATE_REQUESTED_AT"


class CommandUpdate:
    """Updates by a command of the owner's. It has a session of its own: it lives on when the agent stops, and may start
    it again. Its output goes to a file of the state directory. What became of it nobody is told."""

    def __init__(self, *, command: str, state: StateDirectory, environment: Mapping[str, str], log: EventLog) -> None:
        self._command = command
        self._state = state
        self._environment = environment
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """No command runs. Where it hangs, the server learns that it was in vain."""
        await self._idle.wait()

    async def act(self, request: UpdateRequest) -> None:
        variables = {REQUEST_VARIABLE: format_time(request.requested_at)}
        try:
            self._start({**self._environment, **variables})
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
        from_thread(self._loop, self._idle.set)


def from_thread(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    # A loop that is closed belongs to an agent that stops.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
