"""Records the AWS calls of each function: a port of 127.0.0.1 per function, in front of the emulator.

Only tests use it. It refuses requests that are too large for AWS. All others pass through unchanged, including Host, so
that their signatures stay valid.
"""

import asyncio
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientSession, TCPConnector, web
from yarl import URL

from infra.local.emulator import HOST
from infra.local.limits import refusal_of
from infra.local.loops import LoopThread

_SINGLE_WRITES = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
"""Members of a transaction and the actions that they are authorised as."""

_DROPPED = frozenset({"transfer-encoding", "content-length", "connection", "date", "server"})


@dataclass(frozen=True)
class Call:
    """One action on one thing: a table's or queue's deployed name (``table/index`` for a query of an index), or ''."""

    function: str
    action: str
    resource: str = ""


class Recorder:
    """A server thread. `calls` are the calls so far that were not refused."""

    def __init__(self, emulator_url: str, functions: Iterable[str]) -> None:
        self._emulator_url = emulator_url
        self.calls: set[Call] = set()
        self.refused: list[tuple[str, str]] = []
        """Function and error code of each request that was too large for AWS."""
        self._session: ClientSession | None = None
        self._runners: list[web.AppRunner] = []
        self._loop = LoopThread("recorder")
        self._ports = self._loop.run(self._start(list(functions)))

    def url_of(self, function: str) -> str:
        """The endpoint of AWS for that function."""
        return f"http://{HOST}:{self._ports[function]}"

    def stop(self) -> None:
        """Safe to repeat."""
        self._loop.stop(self._close)

    async def _start(self, functions: list[str]) -> dict[str, int]:
        self._session = ClientSession(connector=TCPConnector(limit=0), auto_decompress=False)
        return {function: await self._listen(function) for function in functions}

    async def _listen(self, function: str) -> int:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._pass_on(function, request)

        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, HOST, 0).start()
        self._runners.append(runner)
        return int(runner.addresses[0][1])

    async def _pass_on(self, function: str, request: web.Request) -> web.StreamResponse:
        if self._session is None:
            raise web.HTTPServiceUnavailable
        body = await request.read()
        refused = refusal_of(request.path, request.headers.get("X-Amz-Target", ""), body)
        if refused is not None:
            self.refused.append((function, refused.code))
            return web.json_response({"__type": refused.code, "message": "too large"}, status=refused.status)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _DROPPED}
        url = URL(self._emulator_url + request.raw_path, encoded=True)
        try:
            async with self._session.request(request.method, url, data=io.BytesIO(body), headers=headers) as upstream:
                answer = await upstream.read()
                kept = [(name, value) for name, value in upstream.headers.items() if name.lower() not in _DROPPED]
                self.calls |= set(_calls_of(function, request, body))
                return web.Response(status=upstream.status, body=answer, headers=kept)
        except ClientError as error:
            raise web.HTTPBadGateway from error

    async def _close(self) -> None:
        if self._session is not None:
            await self._session.close()
        # Side by side: each waits for its shutdown timeout as long as a connection is open.
        await asyncio.gather(*(runner.cleanup() for runner in self._runners))


_OBJECT_ACTIONS = {
    "GET": "s3:GetObject",
    "HEAD": "s3:GetObject",
    "PUT": "s3:PutObject",
    "DELETE": "s3:DeleteObject",
}
"""IAM actions by method of requests to objects. A signed URL counts for the function that signed it."""


def _calls_of(function: str, request: web.Request, body: bytes) -> list[Call]:
    """The IAM action and resources that AWS would check for a request of the SDK."""
    target = request.headers.get("X-Amz-Target", "")
    if "/@connections/" in request.path:
        return [Call(function, "execute-api:ManageConnections")]
    if not target:  # S3 speaks with methods and paths
        return [Call(function, _OBJECT_ACTIONS.get(request.method, f"s3:{request.method}"))]
    service, _, operation = target.partition(".")
    content: Mapping[str, Any] = json.loads(body) if target else {}
    if service.startswith("DynamoDB_"):
        return [Call(function, f"dynamodb:{action}", table) for action, table in dynamodb_actions(operation, content)]
    if service == "AmazonSQS":
        action = "SendMessage" if operation == "SendMessageBatch" else operation
        return [Call(function, f"sqs:{action}", str(content.get("QueueUrl", "")).rpartition("/")[2])]
    names = {"AWSEvents": "events", "TrentService": "kms", "secretsmanager": "secretsmanager"}
    return [Call(function, f"{names.get(service, service)}:{operation}")]


def dynamodb_actions(operation: str, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    match operation:
        case "TransactWriteItems":
            members = [next(iter(each.items())) for each in content["TransactItems"]]
            return [(_SINGLE_WRITES[kind], str(write["TableName"])) for kind, write in members]
        case "BatchGetItem":
            return [(operation, str(table)) for table in content["RequestItems"]]
        case _:
            index = f"/{content['IndexName']}" if "IndexName" in content else ""
            return [(operation, f"{content['TableName']}{index}")]
