from collections.abc import Awaitable, Callable

from edge_agent.errors import NetworkError, UnavailableError
from edge_agent.exposition import CONTENT_TYPE, write_text
from edge_agent.ports.network import Network, RequestLimits, ServerReply, ServerRequest
from edge_agent.ports.processes import Processes
from edge_agent.ports.threads import Threads

NODE_EXPORTER_SECONDS = 3.0
# The server accepts bodies of 1 MiB, and JSON lengthens every line.
LARGEST_TEXT_BYTES = 768 * 1024
NODE_EXPORTER_LIMITS = RequestLimits(
    connect_seconds=NODE_EXPORTER_SECONDS,
    read_seconds=NODE_EXPORTER_SECONDS,
    total_seconds=NODE_EXPORTER_SECONDS,
    size_bytes=LARGEST_TEXT_BYTES,
    direct=True,
)
OK_STATUS = 200

Source = Callable[[], Awaitable[str]]


def own_host_metrics(processes: Processes, threads: Threads) -> Source:
    """The source of the machine's own figures under node_exporter's names. Raises `UnavailableError` if there are none.

    It covers less than node_exporter; a machine that needs more runs one.
    """

    async def text() -> str:
        return write_text(await threads.run(processes.host_figures))

    return text


def node_exporter_metrics(url: str, network: Network) -> Source:
    """The source of a node_exporter's text, unchanged. It listens on this machine, so no proxy is used.

    Raises `UnavailableError` if there is no text that the server would accept.
    """

    async def text() -> str:
        try:
            answer = await network.request("GET", url, headers={}, body=None, limits=NODE_EXPORTER_LIMITS)
            content = answer.content.decode()
        except (NetworkError, ValueError) as error:
            raise UnavailableError(f"node_exporter: {type(error).__name__}") from error
        if answer.status != OK_STATUS:
            raise UnavailableError(f"node_exporter: status {answer.status}")
        if not content:
            raise UnavailableError("node_exporter: an empty text")
        return content

    return text


class HostMetricsApi:
    """`GET /metrics` as a node_exporter serves it, without authentication."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def handle(self, request: ServerRequest) -> ServerReply:
        if (request.method, request.path) != ("GET", "/metrics"):
            return _reply(404, "Not Found\n")
        try:
            return _reply(200, await self._source())
        except UnavailableError as error:
            return _reply(503, f"{error}\n")


def _reply(status: int, text: str) -> ServerReply:
    return ServerReply(status, CONTENT_TYPE, text.encode())
