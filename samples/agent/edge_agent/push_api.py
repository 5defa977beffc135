import hmac
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from edge_agent.agent_api import parse_work
from edge_agent.errors import UnavailableError
from edge_agent.event_log import EventLog
from edge_agent.executor import Executor
from edge_agent.exposition import CONTENT_TYPE
from edge_agent.health import HealthChecks, as_json, overall_status
from edge_agent.identity import Identity
from edge_agent.ports.clock import Clock
from edge_agent.ports.network import ServerReply, ServerRequest

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
    """An answer. `text` is plain text, `data` the content of an envelope; without either it is a refusal."""

    status: int
    data: Any = None
    text: str | None = None
    details: dict[str, list[str]] | None = None


class PushApi:
    """The API that the server calls on a node it can reach: create and cancel executions, read health and metrics, and
    trigger an update.

    It uses the envelope of the server's API. Calls need the node's API token, except `/health`. A pushed execution is
    on disk before the answer, and counts as acknowledged.
    """

    def __init__(
        self,
        *,
        executor: Executor,
        identity: Callable[[], Identity],
        checks: HealthChecks,
        metrics: Callable[[], Awaitable[str]],
        trigger_update: Callable[[], None] | None,
        clock: Clock,
        log: EventLog,
    ) -> None:
        """`trigger_update` is None if this node does not accept updates."""
        self._executor = executor
        self._identity = identity
        self._checks = checks
        self._metrics = metrics
        self._trigger_update = trigger_update
        self._clock = clock
        self._log = log

    async def handle(self, request: ServerRequest) -> ServerReply:
        match request.method:
            case "GET":
                reply = await self._get(request)
            case "POST":
                reply = await self._post(request)
            case "PATCH":
                reply = self._patch(request)
            case _:
                reply = Reply(404)
        if reply.text is not None:
            return ServerReply(reply.status, CONTENT_TYPE, reply.text.encode())
        return ServerReply(reply.status, "application/json", self._envelope(reply))

    async def _get(self, request: ServerRequest) -> Reply:
        if request.path == "/health":
            checks = await self._checks.run()
            return Reply(200 if overall_status(checks) == "healthy" else 503, as_json(checks))
        if request.path != METRICS_PATH:
            return Reply(404)
        if not self._is_authorized(request):
            return Reply(401)
        try:
            return Reply(200, text=await self._metrics())
        except UnavailableError:
            return Reply(503)

    async def _post(self, request: ServerRequest) -> Reply:
        if request.path not in (CREATE_PATH, UPDATE_PATH):
            return Reply(404)
        if not self._is_authorized(request):
            return Reply(401)
        if request.path == UPDATE_PATH:
            return self._update()
        if request.body is None:
            return Reply(413)
        try:
            content = json.loads(request.body)
        except (ValueError, RecursionError):
            return Reply(400)
        return await self._create(content) if isinstance(content, dict) else Reply(400)

    def _patch(self, request: ServerRequest) -> Reply:
        match = CANCEL_PATH.fullmatch(request.path)
        if match is None:
            return Reply(404)
        if not self._is_authorized(request):
            return Reply(401)
        outcome = self._executor.cancel(match[1].lower())
        return Reply(404) if outcome is None else Reply(200, {"action": outcome})

    async def _create(self, body: dict[str, Any]) -> Reply:
        try:
            work = parse_work(body)
        except ValueError as error:
            return Reply(422, details={"base": [str(error)]})
        if body.get("node_id") != self._identity().node_id:
            return Reply(422, details={"node_id": ["is not this node"]})
        self._log.write("execution.pushed", execution_id=work.id)
        try:
            accepted = await self._executor.accept(work)
        except UnavailableError:
            return Reply(503)
        if not accepted:
            return Reply(422, details={"id": ["has already been taken"]})
        return Reply(201, {**body, "status": "pending"})

    def _update(self) -> Reply:
        """Accept a trigger. The agent then fetches the request from the server, and acts on each request once."""
        if self._trigger_update is None:
            return Reply(403)
        self._trigger_update()
        return Reply(202, {"status": "accepted"})

    def _is_authorized(self, request: ServerRequest) -> bool:
        given = request.headers.get("authorization", "").encode(errors="replace")
        return hmac.compare_digest(given, f"Bearer {self._identity().api_token}".encode())

    def _envelope(self, reply: Reply) -> bytes:
        meta = {"timestamp": self._clock.now().isoformat(timespec="microseconds").replace("+00:00", "Z")}
        if reply.data is not None:
            envelope: dict[str, Any] = {"data": reply.data, "meta": meta}
        else:
            code, message = CODES[reply.status]
            error: dict[str, Any] = {"code": code, "message": message}
            if reply.details:
                error["details"] = reply.details
            envelope = {"error": error, "meta": meta}
        return json.dumps(envelope).encode()
