"""Imported only where an SSH server is asked for: its library costs a start of the agent a quarter of a second."""

import asyncio
import logging
import socket
from collections.abc import Coroutine, Mapping
from typing import Any

import asyncssh

from edge_agent.clock import Clock
from edge_agent.counters import Counters
from edge_agent.durable import StateDirectory, replace_file
from edge_agent.errors import FatalError
from edge_agent.event_log import EventLog
from edge_agent.listening import address_of
from edge_agent.ssh_connection import SshConnection, SshLimits
from edge_agent.ssh_login import LoginCheck
from edge_agent.ssh_session import Spawn
from edge_agent.ssh_signatures import ALGORITHMS

HOST_KEY_FILE = "ssh_host_key"
HOST_KEY_ALGORITHM = "ssh-ed25519"
LOGIN_SECONDS = 60.0
KEEPALIVE_SECONDS = 30.0
KEEPALIVES_MISSED = 3
# For the processes of killed sessions to vanish.
DYING_SECONDS = 5.0


def host_key(state: StateDirectory) -> asyncssh.SSHKey:
    """The server's key, made at the first start and kept. Raises FatalError where it cannot be read."""
    path = state.path / HOST_KEY_FILE
    if not path.exists():
        replace_file(path, asyncssh.generate_private_key(HOST_KEY_ALGORITHM).export_private_key())
    try:
        return asyncssh.read_private_key(path)
    except (OSError, asyncssh.KeyImportError) as error:
        raise FatalError(f"{path} is damaged") from error


class SshServer:
    """Lets in whom the control plane admits, and gives them a shell or runs their command as the agent's own user.

    The name of a login is the control plane's: no user of the system is looked up or switched to. Nothing is forwarded.
    `stop` ends every session; afterwards none of their processes is left.
    """

    def __init__(
        self,
        *,
        login: LoginCheck,
        limits: SshLimits,
        environment: Mapping[str, str],
        spawn: Spawn,
        counters: Counters,
        clock: Clock,
        log: EventLog,
    ) -> None:
        self._login = login
        self._limits = limits
        self._environment = environment
        self._spawn = spawn
        self._counters = counters
        self._clock = clock
        self._log = log
        self._listener: asyncssh.SSHAcceptor | None = None
        self._connections: set[SshConnection] = set()
        self._connections_opened = 0
        self._sessions: set[asyncio.Task[None]] = set()

    async def listen(self, bound: socket.socket, key: asyncssh.SSHKey) -> None:
        # It writes names and commands; what matters of them is in the agent's own log.
        logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
        self._listener = await asyncssh.listen(
            sock=bound,
            server_factory=self._new_connection,
            server_host_keys=[key],
            server_version="EdgeAgent",
            encoding=None,
            signature_algs=list(ALGORITHMS),
            public_key_auth=True,
            password_auth=True,
            kbdint_auth=False,
            host_based_auth=False,
            gss_host=None,
            x11_forwarding=False,
            agent_forwarding=False,
            allow_scp=False,
            login_timeout=LOGIN_SECONDS,
            keepalive_interval=KEEPALIVE_SECONDS,
            keepalive_count_max=KEEPALIVES_MISSED,
        )
        host, port = address_of(bound)
        self._log.write("ssh.listening", host=host, port=port, host_key=key.get_fingerprint())

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.close("the agent stops")
        if self._sessions:
            await asyncio.wait(self._sessions, timeout=self._limits.hang_up_seconds + DYING_SECONDS)

    def _new_connection(self) -> SshConnection:
        self._connections_opened += 1
        return SshConnection(
            self._connections_opened,
            login=self._login,
            limits=self._limits,
            environment=self._environment,
            spawn=self._run,
            admit=self._admit,
            left=self._connections.discard,
            clock=self._clock,
            log=self._log,
        )

    def _admit(self, connection: SshConnection) -> bool:
        if len(self._connections) >= self._limits.connections:
            return False
        self._counters.add("ssh_connection_total")
        self._connections.add(connection)
        return True

    def _run(self, session: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._spawn(session)
        self._sessions.add(task)
        task.add_done_callback(self._sessions.discard)
        return task
