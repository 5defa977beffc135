import socket


class SystemListenSocket:
    """A real socket that is bound and does not listen yet."""

    def __init__(self, bound: socket.socket) -> None:
        self.socket = bound
        host, port = bound.getsockname()[:2]
        self.address = (str(host), int(port))

    def close(self) -> None:
        self.socket.close()


def bind(host: str, port: int) -> SystemListenSocket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    new = socket.socket(family, kind, protocol)
    try:
        new.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        new.bind(address)
    except BaseException:
        new.close()
        raise
    return SystemListenSocket(new)
