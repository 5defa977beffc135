"""Connections of people to the SSH server of a machine: the agent's own code decides on them, without the library's
transport."""

import asyncio
from collections.abc import Callable
from functools import cache
from typing import Any

import asyncssh
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from edge_agent.ssh_connection import SshConnection

PORT = 22


@cache
def host_key_of(number: int) -> bytes:
    """The private key of a machine's SSH server, which follows from the machine's number."""
    key = Ed25519PrivateKey.from_private_bytes((1_000_000 + number).to_bytes(32))
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


class Listener:
    """The socket of an SSH server; ``connect`` is what the server makes of a connection, None while it accepts none."""

    address = ("127.0.0.1", PORT)

    def __init__(self) -> None:
        self.connect: Callable[[], SshConnection] | None = None

    def close(self) -> None:
        self.connect = None


class SshClient:
    """A person who logs in with a key or with a password. ``is_in`` is None until that is decided. It ends by itself
    (`leave`), or ``ended_by`` says what the server told it."""

    def __init__(self, process: Any, connection: SshConnection, username: str, *, key: str = "", password: str = ""):
        self.process, self.username, self.key, self.password = process, username, key, password
        self.is_in: bool | None = None
        self.is_open = True
        self.ended_by = ""
        self._server = connection
        self._task: asyncio.Task[None] | None = None
        process.on_leaving(self._gone)
        process.machine.world.timeline.after(0, lambda: process.soon(self._begin))

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._log_in())

    async def _log_in(self) -> None:
        self._server.connection_made(self)  # type: ignore[arg-type] - as much of it as is asked
        if not self.is_open:
            return
        self._server.begin_auth(self.username)
        if self.key:
            admitted = await self._server.validate_public_key(self.username, asyncssh.import_public_key(self.key))
        else:
            admitted = await self._server.validate_password(self.username, self.password)
        self.is_in = self.is_open and admitted
        if not admitted:
            self.leave()

    def leave(self) -> None:
        """The connection has ended."""
        if self.is_open:
            self._gone()
            self._server.connection_lost(None)

    def _gone(self) -> None:
        self.is_open = False

    # -- what the agent asks of the library's connection -----------------------------------------------------------

    def get_extra_info(self, _name: str) -> tuple[str, int]:
        return ("203.0.113.9", PORT)

    def abort(self) -> None:
        self.leave()

    def disconnect(self, _code: int, reason: str) -> None:
        self.ended_by = reason
        self.leave()
