from collections.abc import Callable, Mapping
from dataclasses import dataclass

import asyncssh

from edge_agent.event_log import EventLog
from edge_agent.ports.clock import Clock, Timer
from edge_agent.ports.processes import Processes
from edge_agent.ssh_library import AnyBytesChannel, restrict
from edge_agent.ssh_login import Login, LoginCheck
from edge_agent.ssh_session import SshSession
from edge_agent.supervisor import Spawn

REFUSALS_PER_CONNECTION = 6


@dataclass(frozen=True)
class SshLimits:
    """Limits of the SSH server. `idle_seconds`: how long a connection may carry no data before it is closed.
    `hang_up_seconds`: how long the program of a closed session has to end before it is killed."""

    idle_seconds: float
    hang_up_seconds: float
    connections: int = 16
    sessions_per_connection: int = 8


class SshConnection(asyncssh.SSHServer):
    """The connection of one client: its logins, its sessions and its idle time. All other requests are refused."""

    def __init__(
        self,
        number: int,
        *,
        login: LoginCheck,
        limits: SshLimits,
        environment: Mapping[bytes, bytes],
        spawn: Spawn,
        admit: Callable[["SshConnection"], bool],
        left: Callable[["SshConnection"], None],
        processes: Processes,
        clock: Clock,
        log: EventLog,
    ) -> None:
        """`admit` returns whether another connection is allowed; `left` is called when it has ended."""
        self.number = number
        self.login: Login | None = None
        """What let the client in; None before that."""
        self._check = login
        self._limits = limits
        self._environment = environment
        self._spawn = spawn
        self._admit = admit
        self._left = left
        self._processes = processes
        self._clock = clock
        self._log = log
        self._connection: asyncssh.SSHServerConnection
        self._username = ""
        self._refusals = 0
        self._sessions: set[SshSession] = set()
        self._sessions_opened = 0
        self._active_at = clock.monotonic()
        self._idle_check: Timer | None = None

    def close(self, reason: str) -> None:
        """Close the connection and its sessions; `reason` is sent to the client."""
        for session in self._sessions:
            session.hang_up()
        self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, reason)

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        address = conn.get_extra_info("peername")
        # None if the client has disconnected already.
        peer = None if address is None else str(address[0])
        if not self._admit(self):
            self._log.write("ssh.turned_away", connection=self.number, peer=peer)
            conn.abort()
            return
        self._log.write("ssh.connected", connection=self.number, peer=peer)
        self._watch_idleness()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._idle_check is not None:
            self._idle_check.cancel()
        self._left(self)
        reason = None if exc is None else type(exc).__name__
        self._log.write("ssh.disconnected", connection=self.number, reason=reason)

    def begin_auth(self, username: str) -> bool:
        self._username = username
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Called twice for an accepted key: when it is offered, and with the proof that the client has it."""
        if not restrict(key):
            return self._noted(None)
        public_key = key.export_public_key("openssh").decode("ascii", "replace").strip()
        fingerprint = key.get_fingerprint()
        return self._noted(
            await self._check.admits(self.number, username, public_key=public_key, fingerprint=fingerprint)
        )

    async def validate_password(self, username: str, password: str) -> bool:
        return self._noted(await self._check.admits(self.number, username, password=password))

    def session_requested(self) -> tuple[AnyBytesChannel, SshSession] | bool:
        if len(self._sessions) >= self._limits.sessions_per_connection:
            return False
        self._sessions_opened += 1
        session = SshSession(
            environment={**self._environment, b"EDGE_SSH_USERNAME": self._username.encode()},
            hang_up_seconds=self._limits.hang_up_seconds,
            spawn=self._spawn,
            active=self.note_activity,
            ended=self._sessions.discard,
            processes=self._processes,
            clock=self._clock,
            log=self._log,
            ids={"connection": self.number, "session": self._sessions_opened},
        )
        self._sessions.add(session)
        return AnyBytesChannel.opened_on(self._connection), session

    def _noted(self, login: Login | None) -> bool:
        """Return the decision. After too many refusals, raise PermissionDenied, which ends the connection."""
        self.note_activity()
        if login is not None:
            # A key that is only offered is replaced by what the client then proves that it has.
            self.login = login
            return True
        self._refusals += 1
        if self._refusals >= REFUSALS_PER_CONNECTION:
            raise asyncssh.PermissionDenied("too many refused logins")
        return False

    def note_activity(self) -> None:
        self._active_at = self._clock.monotonic()

    def _watch_idleness(self) -> None:
        left_seconds = self._active_at + self._limits.idle_seconds - self._clock.monotonic()
        if left_seconds > 0:
            self._idle_check = self._clock.call_later(left_seconds, self._watch_idleness)
        else:
            self._log.write("ssh.idle", connection=self.number)
            self.close("idle for too long")
