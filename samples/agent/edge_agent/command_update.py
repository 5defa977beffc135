import asyncio
from collections.abc import Mapping

from edge_agent.event_log import EventLog
from edge_agent.ports.processes import Processes
from edge_agent.state_directory import StateDirectory
from edge_agent.times import format_time
from edge_agent.update_api import UpdateRequest

OUTPUT_FILE = "self_update.log"
REQUEST_VARIABLE = "EDGE_SELF_UPDATE_REQUESTED_AT"


class CommandUpdate:
    """Updates the agent by running the owner's command.

    The command has a session of its own: it survives the end of the agent, and may start it again. Its output goes to a
    file in the state directory. Its outcome is not reported.
    """

    def __init__(
        self,
        *,
        command: str,
        state: StateDirectory,
        environment: Mapping[bytes, bytes],
        processes: Processes,
        log: EventLog,
    ) -> None:
        self._command = command
        self._state = state
        self._environment = environment
        self._processes = processes
        self._log = log
        self._idle = asyncio.Event()
        self._idle.set()

    async def idle(self) -> None:
        """Wait until no command runs. While one hangs, the server sees that its request has no effect."""
        await self._idle.wait()

    async def act(self, request: UpdateRequest) -> None:
        requested_at = format_time(request.requested_at)
        environment = {**self._environment, REQUEST_VARIABLE.encode(): requested_at.encode()}
        try:
            self._processes.start_detached(self._command, environment, self._state.path / OUTPUT_FILE, self._ended)
        except (OSError, ValueError) as error:
            self._log.write("self_update.not_started", reason=type(error).__name__)
        else:
            self._idle.clear()

    def _ended(self, exit_code: int) -> None:
        self._log.write("self_update.ended", exit_code=exit_code)
        self._idle.set()
