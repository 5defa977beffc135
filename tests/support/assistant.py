"""An assistant: the official client of the Model Context Protocol, whose requests are answered in this process."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar

import anyio
import httpx2
from mcp import Client as Assistant
from mcp.client.streamable_http import streamable_http_client

from chalicelib.web.mcp.tools import Tool
from tests.support.client import Client

T = TypeVar("T")

ADDRESS = "https://edge.example/mcp"


class InProcess(httpx2.AsyncBaseTransport):
    """Gives requests to an application as API Gateway would."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.statuses: list[int] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        answer = self._client.request(
            request.method,
            url.path,
            query=dict(url.params),
            headers=dict(request.headers),
            body=(await request.aread()).decode() or None,
            key=None,
        )
        self.statuses.append(answer.status)
        return httpx2.Response(answer.status, headers=dict(answer.headers), content=answer.text)


def asking(
    client: Client, key: str, work: Callable[[Assistant], Awaitable[T]], *, mode: str = "auto", query: str = ""
) -> T:
    """The result of what an assistant with that key does. ``mode`` as in `mcp.Client`."""

    async def run() -> T:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(transport=InProcess(client), headers=headers) as http:
            transport = streamable_http_client(f"{ADDRESS}{query}", http_client=http)
            async with Assistant(transport, mode=mode) as assistant:
                return await work(assistant)

    return anyio.run(run)


def called(client: Client, key: str, name: str, arguments: dict[str, Any], **options: Any) -> Any:
    """The result of one call of a tool."""
    return asking(client, key, partial(_call, name=name, arguments=arguments), **options)


async def _call(assistant: Assistant, *, name: str, arguments: dict[str, Any]) -> Any:
    return await assistant.call_tool(name, arguments)


def arguments_for(tool: Tool, variables: dict[str, str], query: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call that is the request with these parts."""
    arguments = {name: variables[variable] for name, variable in tool.path.items()}
    for name, field in tool.query.items():
        if field in query:
            is_list = tool.arguments[name].get("type") == "array"
            arguments[name] = query[field].split(",") if is_list else query[field]
    arguments |= {name: body[field] for name, field in tool.body.items() if field in body}
    return json.loads(json.dumps(arguments))
