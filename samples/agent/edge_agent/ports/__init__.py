"""The agent's ports: everything it needs from the operating system.

Five protocols, each with its production implementation beside it: `clock`, `threads`, `disk`, `network`, `processes`.
Only modules of this package use the operating system. A simulation replaces the five and nothing else.
"""

from dataclasses import dataclass

from edge_agent.ports.clock import Clock
from edge_agent.ports.disk import Disk
from edge_agent.ports.network import Network
from edge_agent.ports.processes import Processes
from edge_agent.ports.threads import Threads


@dataclass(frozen=True)
class Ports:
    """One implementation of each port."""

    clock: Clock
    threads: Threads
    disk: Disk
    network: Network
    processes: Processes
