"""Corrections of asyncssh: commands that are not UTF-8, and no signatures based on SHA-1."""

from typing import TYPE_CHECKING

import asyncssh
from asyncssh.packet import SSHPacket

if TYPE_CHECKING:
    ServerChannel = asyncssh.SSHServerChannel[bytes]
else:
    ServerChannel = asyncssh.SSHServerChannel

# The signature algorithms for logins: none based on SHA-1 (ssh-rsa, ssh-dss), as in OpenSSH since 8.8.
ALGORITHMS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)


class AnyBytesChannel(ServerChannel):
    """A channel that accepts commands that are not UTF-8, as OpenSSH's server does; the library refuses them.

    The session gets the other bytes as surrogate escapes.
    """

    @classmethod
    def opened_on(cls, connection: asyncssh.SSHServerConnection) -> "AnyBytesChannel":
        channel = connection.create_server_channel(encoding=None)
        # The library offers no way to use a subclass, and only the connection knows the arguments of a channel.
        channel.__class__ = cls
        assert isinstance(channel, cls)  # noqa: S101 - for the type checker
        return channel

    def _process_exec_request(self, packet: SSHPacket) -> bool:
        command = packet.get_string()
        packet.check_end()
        return bool(self._start_session(command=command.decode("utf-8", "surrogateescape")))


def restrict(key: asyncssh.SSHKey) -> bool:
    """Restrict a key to these algorithms. False if it supports none of them.

    The library offers only the algorithms of its option, but verifies every one that it knows.
    """
    key.all_sig_algorithms = key.all_sig_algorithms & {name.encode() for name in ALGORITHMS}
    return bool(key.all_sig_algorithms)
