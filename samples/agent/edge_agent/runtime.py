import asyncio
import random

from edge_agent.backoff import Backoff
from edge_agent.bundle_update import Installer
from edge_agent.counters import Counters
from edge_agent.event_log import EventLog
from edge_agent.facts import MachineFacts
from edge_agent.http_client import HttpClient
from edge_agent.identity import random_uuid
from edge_agent.options import Options
from edge_agent.ports import Ports
from edge_agent.state_directory import PUBLIC_HOST_KEY_FILE
from edge_agent.times import ServerTime

FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 60.0
LONGEST_REFUSED_SECONDS = 3600.0


class Runtime:
    """The settings, ports and shared values of one run of the agent, from which its parts are built."""

    def __init__(
        self, options: Options, ports: Ports, rng: random.Random, log: EventLog, installer: Installer | None = None
    ) -> None:
        """`installer` is None if the agent does not install its own updates."""
        self.options = options
        self.ports = ports
        self.rng = rng
        self.log = log
        self.installer = installer
        self.stop = asyncio.Event()
        """Set to end the run."""
        self.counters = Counters()
        self.server_time = ServerTime(ports.clock)
        # Differs at each start: the server tells a restart from a copy on another machine by it.
        self.instance_id = str(random_uuid(rng))
        self.facts = MachineFacts(
            ports.disk,
            ports.processes.machine_facts,
            options.labels,
            None if options.ssh is None else options.state_dir / PUBLIC_HOST_KEY_FILE,
        )
        self.client = HttpClient(network=ports.network, server_time=self.server_time, instance_id=self.instance_id)

    def new_backoff(self) -> Backoff:
        return new_backoff(self.rng)

    def new_slow_backoff(self) -> Backoff:
        """The backoff for errors that only a person can remove."""
        return Backoff(first_seconds=FIRST_RETRY_SECONDS, cap_seconds=LONGEST_REFUSED_SECONDS, rng=self.rng)

    def log_http_failure(self, port: int, error: Exception) -> None:
        """Log an error that ended a connection to one of the agent's own HTTP servers."""
        self.log.write("http.failed", port=port, reason=type(error).__name__)


def new_backoff(rng: random.Random) -> Backoff:
    """The backoff for errors that pass by themselves."""
    return Backoff(first_seconds=FIRST_RETRY_SECONDS, cap_seconds=LONGEST_RETRY_SECONDS, rng=rng)
