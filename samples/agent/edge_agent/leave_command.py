import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path, PurePath

from edge_agent.command_environment import CA_FILE_VARIABLE, add_state_option
from edge_agent.composition import run_leave
from edge_agent.errors import FatalError, InUseError, RefusedError, describe
from edge_agent.event_log import EventLog
from edge_agent.leaving import request_leave
from edge_agent.ports.clock import SystemClock
from edge_agent.ports.disk import SystemDisk
from edge_agent.shell_command import EXECUTION_VARIABLE
from edge_agent.state_directory import StateDirectory

EXIT_WAITING = 1
EXIT_FATAL = 2
LOOK_SECONDS = 0.5


def leave_command(arguments: Sequence[str]) -> int:
    """Run `edge-agent leave`: end this machine's membership and remove its local state.

    A running agent does it itself, and then ends; otherwise this process does. Exit status: 0 left, or never enrolled;
    1 the server has not answered yet, the agent or a repetition continues; 2 somebody has to act.
    """
    parser = argparse.ArgumentParser(
        prog="edge-agent leave", description="Ends this machine's membership of the fleet and removes its local state."
    )
    add_state_option(parser)
    parser.add_argument(
        "--wait-seconds", type=float, default=60.0, metavar="S", help="time to wait for the server (%(default)s)"
    )
    parsed = parser.parse_args(arguments)
    log = EventLog(sys.stderr, SystemClock())
    if not Path(parsed.state_dir).is_dir():
        log.write("agent.left", node_id=None, reason=f"{parsed.state_dir} does not exist")
        return 0
    try:
        return asyncio.run(_leave(parsed.state_dir, parsed.wait_seconds, log))
    except (FatalError, RefusedError, OSError) as error:
        log.write("leave.failed", reason=describe(error))
        return EXIT_FATAL


async def _leave(folder: PurePath, wait_seconds: float, log: EventLog) -> int:
    clock = SystemClock()
    state = StateDirectory(folder, SystemDisk())
    ca_file = os.environ.get(CA_FILE_VARIABLE)
    try:
        async with asyncio.timeout(wait_seconds):
            while True:
                try:
                    with state:
                        request_leave(state, clock)
                        await run_leave(state, PurePath(ca_file) if ca_file else None, log)
                        return 0
                except InUseError:
                    request_leave(state, clock)
                    if EXECUTION_VARIABLE in os.environ:
                        log.write("leave.requested", reason="the agent leaves when its commands have ended")
                        return 0
                    await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        reason = f"no answer of the server within {wait_seconds:g} s: this machine is still a member, its state is kept"
        log.write("leave.unfinished", reason=f"{reason}; run this again, or start the agent, which then leaves")
        return EXIT_WAITING
