"""An assistant with the official client: real HTTP, real functions."""

import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any

import anyio
import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from infra.local.cloud import LocalCloud
from tests.e2e.api import Api

DEADLINE_SECONDS = 60.0


def asking(cloud: LocalCloud, key: str, work: Callable[[Client], Awaitable[Any]], *, mode: str, query: str = "") -> Any:
    async def run() -> Any:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=30) as http,
            Client(streamable_http_client(f"{cloud.url}/mcp{query}", http_client=http), mode=mode) as client,
        ):
            return await work(client)

    return anyio.run(run)


async def finished(client: Client, command_id: str) -> Any:
    """The command once it has ended."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        shown = (await client.call_tool("get_command", {"command_id": command_id})).structured_content["data"]
        if shown["state"] == "finished":
            return shown
        await anyio.sleep(0.5)
    raise TimeoutError(f"command {command_id} has not ended")


def test_assistant_runs_a_command_and_a_viewers_one_cannot(cloud):
    command = {
        "command_text": "true",
        "targeting": {"type": "all"},
        "idempotency_key": "assistant-1",
    }

    async def run(client: Client) -> Any:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        made = [(await client.call_tool("create_command", command)).structured_content["data"]["id"] for _ in range(2)]
        return tools, made, await finished(client, made[0])

    async def refused(client: Client) -> Any:
        return await client.list_tools(), await client.call_tool("create_command", command)

    tools, made, ended = asking(cloud, cloud.master_key, run, mode="auto")
    assert {"list_nodes", "create_command", "revoke_ssh_access"} <= tools
    assert made[0] == made[1]
    assert ended["summary"]["open"] == 0

    with closing(Api(cloud.url, cloud.master_key)) as api:
        viewer = api.call("POST", "/api/v1/api_keys", {"name": "assistant", "role": "viewer"}).data["key"]
    for key, query, code in ((viewer, "", "forbidden"), (cloud.master_key, "?read_only=true", "read_only")):
        offered, answer = asking(cloud, key, refused, mode="legacy", query=query)
        assert all(tool.annotations.read_only_hint for tool in offered.tools)
        assert answer.structured_content["error"]["code"] == code
