from contextlib import ExitStack, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self

from edge_agent.options import Options
from edge_agent.ports.network import ListenSocket, Network


class ReservedAddress:
    """A local address for a server, whose port is reserved before it is used, since the server records it."""

    def __init__(self, network: Network, host: str, port: int) -> None:
        self._network = network
        self._host = host
        self._port = port
        self._socket: ListenSocket | None = None

    def reserve(self) -> None:
        """Bind the address if possible. If it is in use, `bind` tries again."""
        with suppress(OSError):
            self._socket = self.bind()
            self._port = self._socket.address[1]

    def port_or(self, default: int) -> int:
        """The port; `default` while no free port could be reserved."""
        return self._port or default

    def bind(self) -> ListenSocket:
        """Return the bound socket, which the caller has to close. Raises OSError."""
        reserved, self._socket = self._socket, None
        return self._network.bind(self._host, self._port) if reserved is None else reserved

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


class ListenSockets:
    """The addresses on which this agent listens; port 0 takes a free one. The server records `service_ports`."""

    def __init__(self, options: Options, network: Network) -> None:
        self.service_ports = options.service_ports
        self.push: ReservedAddress | None = None
        self.ssh: ReservedAddress | None = None
        self.host_metrics: ReservedAddress | None = None
        self._options = options
        self._network = network
        self._resources = ExitStack()

    def __enter__(self) -> Self:
        options, ports = self._options, self._options.service_ports
        if options.push is not None:
            self.push = self._reserved(options.push.host, options.push.port)
            ports = replace(ports, http_port=options.push.recorded_port or self.push.port_or(ports.http_port))
        if options.ssh is not None:
            self.ssh = self._reserved(options.ssh.host, options.ssh.port)
            ports = replace(ports, ssh_port=self.ssh.port_or(ports.ssh_port))
        if options.push is not None and options.metrics.port is not None:
            self.host_metrics = self._reserved(options.push.host, options.metrics.port)
            ports = replace(ports, host_metrics_port=self.host_metrics.port_or(ports.host_metrics_port))
        self.service_ports = ports
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    def _reserved(self, host: str, port: int) -> ReservedAddress:
        address = ReservedAddress(self._network, host, port)
        self._resources.callback(address.close)
        address.reserve()
        return address
