import socket
from contextlib import ExitStack, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from edge_agent.options import Options


class Door:
    """An address to listen on. It is bound ahead of its use, since the server is told the port before that."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._ahead: socket.socket | None = None

    def bind_ahead(self) -> None:
        """One that cannot be had now, as when another program uses the port, is asked for again by `bound`."""
        with suppress(OSError):
            self._ahead = self.bound()
            self._port = address_of(self._ahead)[1]

    def port_or(self, other: int) -> int:
        """The real port; `other` while a free one could not be had."""
        return self._port or other

    def bound(self) -> socket.socket:
        """A socket that is bound and not listening yet; it is the caller's to close. Raises OSError."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            return ahead
        family, kind, protocol, _, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)[0]
        new = socket.socket(family, kind, protocol)
        try:
            new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            new.bind(address)
        except BaseException:
            new.close()
            raise
        return new

    def close(self) -> None:
        if self._ahead is not None:
            self._ahead.close()


class Doors:
    """What this agent listens on; port 0 takes a free one. `ports` are those that the server shall record."""

    def __init__(self, options: Options) -> None:
        self.ports = options.ports
        self.push: Door | None = None
        self.ssh: Door | None = None
        self.host_metrics: Door | None = None
        self._options = options
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        options, ports = self._options, self._options.ports
        if options.push is not None:
            self.push = self._door(options.push.host, options.push.port)
            ports = replace(ports, http_port=options.push.recorded_port or self.push.port_or(ports.http_port))
        if options.ssh is not None:
            self.ssh = self._door(options.ssh.host, options.ssh.port)
            ports = replace(ports, ssh_port=self.ssh.port_or(ports.ssh_port))
        if options.push is not None and options.metrics.port is not None:
            self.host_metrics = self._door(options.push.host, options.metrics.port)
            ports = replace(ports, host_metrics_port=self.host_metrics.port_or(ports.host_metrics_port))
        self.ports = ports
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def _door(self, host: str, port: int) -> Door:
        door = Door(host, port)
        self._resources.callback(door.close)
        door.bind_ahead()
        return door


def address_of(bound: socket.socket) -> tuple[str, int]:
    host, port = bound.getsockname()[:2]
    return str(host), int(port)
