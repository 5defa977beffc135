import asyncio
import hmac
import json
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_agent.agent_api import parse_work
from edge_agent.clock import Clock
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.executor import CancelOutcome, Executor
from edge_agent.exposition import CONTENT_TYPE
from edge_agent.health import Check, as_json, overall
from edge_agent.http_server import LocalHandler, LocalHttpServer
from edge_agent.identity import Identity
from edge_agent.journal import Work

BODY_LIMIT_BYTES = 1024 * 1024
ANSWER_SECONDS = 9.0  # the server gives up after 10
CREATE_PATH = "/api/v1/command_executions"
CANCEL_PATH = re.compile(r"/api/v1/command_executions/([0-9A-Fa-f-]{36})/cancel")
METRICS_PATH = "/api/v1/agents/me/metrics/raw"
UPDATE_PATH = "/api/v1/self_updates/trigger"
CODES = {
    400: ("bad_request", "Bad Request"),
    401: ("unauthorized", "Unauthorized"),
    403: ("forbidden", "Self-update is disabled"),
    404: ("not_found", "Resource not found"),
    413: ("payload_too_large", "Payload Too Large"),
    422: ("validation_failed", "Validation failed"),
    503: ("service_unavailable", "Service Unavailable"),
}


@dataclass(frozen=True)
class Reply:
    status: int
    data: Any = None
    text: str | None = None
    details: dict[str, list[str]] | None = None


class PushApi:
    """What the server calls on a node that it can reach: take an execution, cancel one, tell the health or the agent's
    metrics, look for an update.

    The same envelope as the server's own. Calls need the node's API token, `/health` does not. A pushed execution is
    on disk before the answer, and counts as acknowledged.
    """

    def __init__(
        self,
        *,
        executor: Executor,
        identity: Callable[[], Identity],
        checks: Callable[[], list[Check]],
        metrics: Callable[[], str],
        trigger_update: Callable[[], None] | None,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        log: EventLog,
    ) -> None:
        """`checks`, `metrics` and `trigger_update` are called from threads; the last is None where this
        node does not let itself be updated."""
        self._executor = executor
        self._metrics = metrics
        self._trigger_update = trigger_update
        self._identity = identity
        self._checks = checks
        self._loop = loop
        self._clock = clock
        self._log = log

    def listen(self, bound: socket.socket) -> LocalHttpServer:
        """Serve from threads of its own, until what is returned is closed."""
        api = self

        class Handler(_Handler):
            push_api = api

        return LocalHttpServer(bound, Handler, self._log)

    def timestamp(self) -> str:
        return self._clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")

    def health(self) -> Reply:
        checks = self._checks()
        return Reply(200 if overall(checks) == "healthy" else 503, as_json(checks))

    def authorized(self, header: str) -> bool:
        return hmac.compare_digest(header.encode(errors="replace"), f"Bearer {self._identity().api_token}".encode())

    def create(self, body: dict[str, Any]) -> Reply:
        try:
            work = parse_work(body)
        except ValueError as error:
            return Reply(422, details={"base": [str(error)]})
        if body.get("node_id") != self._identity().node_id:
            return Reply(422, details={"node_id": ["is not this node"]})
        try:
            taken = self._in_loop(self._take, work)
        except UnavailableError:
            return Reply(503)
        if not taken:
            return Reply(422, details={"id": ["has already been taken"]})
        return Reply(201, {**body, "status": "pending"})

    def cancel(self, execution_id: str) -> Reply:
        outcome = self._in_loop(self._cancel, execution_id.lower())
        return Reply(404) if outcome is None else Reply(200, {"action": outcome})

    def agent_metrics(self) -> Reply:
        try:
            return Reply(200, text=self._metrics())
        except UnavailableError:
            return Reply(503)

    def update(self) -> Reply:
        """Taken does not mean done: the agent asks the server about the request first, and acts once on each."""
        if self._trigger_update is None:
            return Reply(403)
        self._trigger_update()
        return Reply(202, {"status": "accepted"})

    async def _take(self, work: Work) -> bool:
        self._log.write("execution.pushed", execution_id=work.id)
        return await self._executor.take(work)

    async def _cancel(self, execution_id: str) -> CancelOutcome | None:
        return self._executor.cancel(execution_id)

    def _in_loop(self, call: Callable[[Any], Any], argument: object) -> Any:
        return asyncio.run_coroutine_threadsafe(call(argument), self._loop).result(ANSWER_SECONDS)


class _Handler(LocalHandler):
    push_api: PushApi

    def do_GET(self) -> None:  # noqa: N802
        self._answer(self._get())

    def do_POST(self) -> None:  # noqa: N802
        self._answer(self._post())

    def do_PATCH(self) -> None:  # noqa: N802
        self._answer(self._patch())

    def _get(self) -> Reply:
        if self.path == "/health":
            return self.push_api.health()
        if self.path != METRICS_PATH:
            return Reply(404)
        return self.push_api.agent_metrics() if self._authorized() else Reply(401)

    def _post(self) -> Reply:
        body = self._body()
        if self.path not in (CREATE_PATH, UPDATE_PATH):
            return Reply(404)
        if not self._authorized():
            return Reply(401)
        if self.path == UPDATE_PATH:
            return self.push_api.update()
        if body is None:
            return Reply(413)
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            return Reply(400)
        return self.push_api.create(content) if isinstance(content, dict) else Reply(400)

    def _patch(self) -> Reply:
        self._body()
        match = CANCEL_PATH.fullmatch(self.path)
        if match is None:
            return Reply(404)
        return self.push_api.cancel(match[1]) if self._authorized() else Reply(401)

    def _authorized(self) -> bool:
        return self.push_api.authorized(self.headers.get("authorization", ""))

    def _body(self) -> bytes | None:
        """None when it is too large or of unknown length; the connection then ends with the answer."""
        length = self.headers.get("content-length", "0" if "transfer-encoding" not in self.headers else "")
        if not (length.isascii() and length.isdecimal()) or int(length[:12]) > BODY_LIMIT_BYTES:
            self.close_connection = True
            return None
        return self.rfile.read(int(length))

    def _answer(self, reply: Reply) -> None:
        if reply.text is None:
            content_type, content = "application/json", self._envelope(reply)
        else:
            content_type, content = CONTENT_TYPE, reply.text.encode()
        self.send_response(reply.status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _envelope(self, reply: Reply) -> bytes:
        meta = {"timestamp": self.push_api.timestamp()}
        if reply.data is not None:
            envelope: dict[str, Any] = {"data": reply.data, "meta": meta}
        else:
            code, message = CODES[reply.status]
            error: dict[str, Any] = {"code": code, "message": message}
            if reply.details:
                error["details"] = reply.details
            envelope = {"error": error, "meta": meta}
        return json.dumps(envelope).encode()
