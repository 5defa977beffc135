from edge_agent.errors import UnavailableError
from edge_agent.exposition import CONTENT_TYPE
from edge_agent.host_metrics import Source
from edge_agent.ports.http_server import ServerReply, ServerRequest


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
