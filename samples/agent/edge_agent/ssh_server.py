"""The SSH server. Imported only if it is enabled: its library costs a start of the agent a quarter of a second."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from typing import Any

import asyncssh

from edge_agent.counters import Counters
from edge_agent.errors import FatalError, UnavailableError, describe
from edge_agent.event_log import EventLog
from edge_agent.ports import Ports
from edge_agent.ports.network import Closable, ListenSocket
from edge_agent.ssh_connection import SshConnection, SshLimits
from edge_agent.ssh_library import ALGORITHMS
from edge_agent.ssh_login import LoginCheck
from edge_agent.state_directory import HOST_KEY_FILE, PUBLIC_HOST_KEY_FILE, StateDirectory, replace_file
from edge_agent.supervisor import Spawn
from edge_agent.waiting import unfinished

HOST_KEY_ALGORITHM = "ssh-ed25519"
LOGIN_SECONDS = 60.0
KEEPALIVE_SECONDS = 30.0
KEEPALIVES_MISSED = 3
# How long the processes of killed sessions may take to vanish.
DYING_SECONDS = 5.0


def host_key(state: StateDirectory, log: EventLog) -> asyncssh.SSHKey:
    """Load the server's key; it is created at the first start, and anew if its file is damaged. Its public half stands
    beside it, from where the server is told of it. Raises OSError."""
    key = _private_key(state, log)
    public = key.export_public_key("openssh")
    path = state.path / PUBLIC_HOST_KEY_FILE
    with suppress(OSError):
        if state.disk.read(path) == public:
            return key
    replace_file(state.disk, path, public)
    return key


def _private_key(state: StateDirectory, log: EventLog) -> asyncssh.SSHKey:
    path = state.path / HOST_KEY_FILE
    with suppress(FileNotFoundError):
        content = state.disk.read(path)
        try:
            return asyncssh.import_private_key(content)
        except ValueError as error:
            log.write("ssh.host_key_damaged", reason=describe(error))
            state.set_aside(HOST_KEY_FILE)
    key = asyncssh.generate_private_key(HOST_KEY_ALGORITHM)
    replace_file(state.disk, path, key.export_private_key())
    return key


class SshServer:
    """Runs a shell or a command for users whom the control plane admits, as the agent's own user.

    User names are the control plane's; no user of the system is looked up or switched to. Forwarding is refused. `stop`
    ends every session with all its processes.
    """

    def __init__(
        self,
        *,
        login: LoginCheck,
        limits: SshLimits,
        environment: Mapping[bytes, bytes],
        spawn: Spawn,
        counters: Counters,
        ports: Ports,
        log: EventLog,
    ) -> None:
        self._login = login
        self._limits = limits
        self._environment = environment
        self._spawn = spawn
        self._counters = counters
        self._ports = ports
        self._log = log
        self._listener: Closable | None = None
        self._connections: set[SshConnection] = set()
        self._connections_opened = 0
        self._sessions: set[asyncio.Task[None]] = set()

    async def listen(self, bound: ListenSocket, key: asyncssh.SSHKey) -> None:
        # The library logs names and commands; the agent's own log has the important events.
        logging.getLogger("asyncssh").setLevel(logging.CRITICAL)
        self._listener = await self._ports.network.serve_ssh(
            bound,
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
        host, port = bound.address
        self._log.write("ssh.listening", host=host, port=port, host_key=key.get_fingerprint())

    async def close_ended(self) -> None:
        """Close connections whose users have lost access since they logged in; asks nothing if none is open. Without an
        answer they go on, so that an outage of the server ends no work."""
        open_now = {
            str(each.number): (each, each.login)
            for each in self._connections
            if each.login is not None and each.login.checked_at is not None
        }
        if not open_now:
            return
        try:
            ended = await self._login.ended({number: login for number, (_, login) in open_now.items()})
        except (UnavailableError, FatalError) as error:
            self._log.write("ssh.check_failed", reason=str(error))
            return
        for number in ended & open_now.keys():
            connection, login = open_now[number]
            self._log.write("ssh.access_ended", connection=connection.number, username=login.username)
            connection.close("access was taken away")

    def close_all(self, reason: str) -> None:
        """Close all connections; `reason` is sent to their clients."""
        for connection in list(self._connections):
            connection.close(reason)

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self.close_all("the agent stops")
        await unfinished(self._ports.clock, self._sessions, self._limits.hang_up_seconds + DYING_SECONDS)

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
            processes=self._ports.processes,
            clock=self._ports.clock,
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
