import socket
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

from edge_agent.errors import FatalError
from edge_agent.options import Options


class Doors:
    """The sockets of what this agent serves, bound and not listening yet; port 0 takes a free one.

    The server is told the ports at registration, before there is anything to serve: `ports` are those that it shall
    record, with the real ones among them. Entering raises FatalError where an address cannot be had.
    """

    def __init__(self, options: Options) -> None:
        self.ports = options.ports
        self.push: socket.socket | None = None
        self.ssh: socket.socket | None = None
        self.host_metrics: socket.socket | None = None
        self._options = options
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        options = self._options
        if options.push is not None:
            self.push = self._bound(options.push.host, options.push.port)
            recorded_port = options.push.recorded_port or address_of(self.push)[1]
            self.ports = replace(self.ports, http_port=recorded_port)
        if options.ssh is not None:
            self.ssh = self._bound(options.ssh.host, options.ssh.port)
            self.ports = replace(self.ports, ssh_port=address_of(self.ssh)[1])
        if options.push is not None and options.metrics.port is not None:
            self.host_metrics = self._bound(options.push.host, options.metrics.port)
            self.ports = replace(self.ports, host_metrics_port=address_of(self.host_metrics)[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def _bound(self, host: str, port: int) -> socket.socket:
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            bound = self._resources.enter_context(socket.socket(family, kind, protocol))
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError as error:
            self._resources.close()
            raise FatalError(f"cannot listen on {host} port {port}: {error}") from error
        return bound


def address_of(bound: socket.socket) -> tuple[str, int]:
    host, port = bound.getsockname()[:2]
    return str(host), int(port)
