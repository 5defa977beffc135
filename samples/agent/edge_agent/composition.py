"""Builds the agent on the machine's own ports and runs it. No other module chooses implementations of the ports."""

import asyncio
import platform
import random
import signal
from pathlib import Path, PurePath

from edge_agent.agent import Agent
from edge_agent.bundle_update import Installer
from edge_agent.bundles import install
from edge_agent.event_log import EventLog
from edge_agent.http_client import HttpClient
from edge_agent.identity import random_uuid
from edge_agent.leaving import leave
from edge_agent.options import Options
from edge_agent.ports import Ports
from edge_agent.ports.clock import SystemClock
from edge_agent.ports.disk import SystemDisk
from edge_agent.ports.network import SystemNetwork, proxies_of_environment
from edge_agent.ports.processes import SystemProcesses
from edge_agent.ports.threads import SystemThreads
from edge_agent.runtime import Runtime, new_backoff
from edge_agent.state_directory import StateDirectory
from edge_agent.times import ServerTime
from edge_agent.uploading import upload

IGNORED_BY_LAUNCHERS = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM)


async def run_agent(options: Options, log: EventLog) -> None:
    """Run the agent until SIGTERM or SIGINT. Raises `FatalError`."""
    runtime = _runtime(options, log)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, runtime.stop.set)
    await Agent(runtime).run()


async def enrol_machine(options: Options, log: EventLog) -> str:
    """Enrol this machine, or re-register it, and return the node's id. Raises `RefusedError`, `FatalError`, OSError."""
    return await Agent(_runtime(options, log)).enrol()


async def run_leave(state: StateDirectory, ca_file: PurePath | None, log: EventLog) -> None:
    """End the membership of the node of a state directory that this process has locked. See `leave`."""
    clock, rng = SystemClock(), random.SystemRandom()
    network = SystemNetwork(ca_file, proxies_of_environment())
    client = HttpClient(network=network, server_time=ServerTime(clock), instance_id=str(random_uuid(rng)))
    try:
        await leave(state, client, lambda: new_backoff(rng), clock, log)
    finally:
        network.close()


async def upload_file(url: str, content: bytes, ca_file: PurePath | None) -> None:
    """See `upload`."""
    network = SystemNetwork(ca_file, proxies_of_environment())
    try:
        await upload(url, content, network, SystemClock(), new_backoff(random.SystemRandom()))
    finally:
        network.close()


def restore_signals() -> None:
    """Let programs that are started here begin with default signal handling.

    `nohup`, and a shell that starts a program in the background, ignore some signals; a program that inherits that
    cannot even trap them. This process goes on ignoring them by a handler, which is not inherited. If SIGCHLD were
    ignored, exit codes of children would be lost.
    """
    for number in IGNORED_BY_LAUNCHERS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _runtime(options: Options, log: EventLog) -> Runtime:
    # An agent of the launcher would stay down for a file that is being replaced at that moment.
    waits = options.versions is not None
    ports = Ports(
        clock=SystemClock(),
        threads=SystemThreads(),
        disk=SystemDisk(),
        network=SystemNetwork(options.ca_file, proxies_of_environment(), waits_for_ca_file=waits),
        processes=SystemProcesses(),
    )
    installer = None
    if options.versions is not None:
        installer = Installer(options.versions, platform.machine(), _install)
    return Runtime(options, ports, random.SystemRandom(), log, installer)


def _install(archive: PurePath, sha256: str, versions: PurePath) -> str:
    return install(Path(archive), sha256, Path(versions))
