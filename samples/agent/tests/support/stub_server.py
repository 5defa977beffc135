"""The server's side of the agent protocol in one process: real HTTP, real WebSocket, state in memory."""

import base64
import gzip
import hashlib
import json
import re
import socket
import struct
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

PREVIOUS_TOKEN_SECONDS = 3600.0
RESULT = re.compile(r"/agents/command_executions/([^/]+)/result")
OUTPUT = re.compile(r"/agents/command_executions/([^/]+)/output")
ENVIRONMENT = re.compile(r"/agents/command_executions/([^/]+)/environment")
ACKNOWLEDGE = re.compile(r"/agents/command_executions/([^/]+)/acknowledge")


REMOVED, BLOCKED = (401, "node_removed"), (403, "node_blocked")
"""The answers to an agent whose node was deleted or blocked: status and code."""


@dataclass
class Request:
    method: str
    path: str
    body: dict | None
    token: str | None
    instance: str | None


@dataclass
class Fault:
    """A fault for the next `times` matching requests: an answer with a status and perhaps content, or a reset."""

    method: str
    path: str
    times: int
    status: int | None = None
    processed: bool = False
    headers: dict = field(default_factory=dict)
    content: bytes | None = None
    code: str = "fault"


class StubServer:
    def __init__(self, tls=None):
        self.tls = tls
        self.lock = threading.RLock()
        self.requests = []
        self.executions = {}
        self.faults = []
        self.down = False
        self.uses_taken = []
        self.key_error = ""
        self.removed = None
        self.hide_sent = False
        # How many items of a list an answer holds, and executions that no agent gets although they are listed.
        self.shows_at_most = None
        self.refuses = set()
        # The server's time in seconds, which tests move.
        self.moment = 0.0
        self.before = lambda _method, _path: None
        self.registration_tokens = {}
        self.tokens = {}
        self.previous_tokens = {}
        self.tokens_of_removed = set()
        self.poll_seconds = 60
        self.metrics_push_seconds = None
        self.named_urls = None
        """The addresses that a registration names; None: its own."""
        self.websocket = True
        self.connections = set()
        self.frames = []
        self.passwords = {}
        self.public_keys = {}
        self.alias_answers = {}
        self.metrics = []
        # Values of variables by execution, and the status with which they are answered.
        self.secrets = {}
        self.secrets_status = 200
        self.reports = []
        self.recovery_keys = {}
        # Whole outputs by execution; None for a server that takes none, as an early one.
        self.stored = {}
        self.offers_uploads = True
        # False for a server from before several executions could be acknowledged at once.
        self.takes_several = True
        self.store_status = 200
        self.self_update = {"including_me": False, "inserted_at": None}

    def __enter__(self):
        stub = self

        class Handler(_Handler):
            server_state = stub

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        if self.tls is not None:
            self.http.socket = self.tls.wrap_socket(self.http.socket, server_side=True)
        secure = "" if self.tls is None else "s"
        self.url = f"http{secure}://127.0.0.1:{self.http.server_address[1]}"
        self.sockets = serve(self._hold, "127.0.0.1", 0, process_request=self._admit, ssl=self.tls)
        self.websocket_url = f"ws{secure}://127.0.0.1:{self.sockets.socket.getsockname()[1]}/agent"
        self.threads = [
            threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}),
            threading.Thread(target=self.sockets.serve_forever),
        ]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.disconnect()
        self.http.shutdown()
        self.http.server_close()
        self.sockets.shutdown()
        for thread in self.threads:
            thread.join()

    # The interface of tests.

    def key(self, *urls):
        content = {"admin_urls": list(urls) or [self.url], "nonce": "bm9uY2U"}
        return base64.b64encode(json.dumps(content).encode()).decode()

    def add(self, command_text, *, wake=False, status="pending", **fields):
        execution_id = str(uuid.uuid4())
        item = {
            "id": execution_id,
            "command_id": str(uuid.uuid4()),
            "command_text": command_text,
            "timeout": None,
            "expired_at": None,
            "status": status,
            "inserted_at": now(),
            "cancel_requested_at": None,
            **fields,
        }
        with self.lock:
            self.executions[execution_id] = item
        if wake:
            self.send({"type": "executions", "ids": [execution_id]})
        return execution_id

    def tell(self, *execution_ids):
        """Wake agents with the work itself."""
        names = ("id", "command_id", "command_text", "timeout", "expired_at", "secret_variables")
        items = [self.executions.get(each, {"id": each}) for each in execution_ids]
        work = [{name: item[name] for name in names if name in item} for item in items]
        self.send({"type": "executions", "ids": list(execution_ids), "work": work})

    def add_with_secrets(self, command_text, *, wake=False, **secrets):
        """A command whose variables have these values."""
        execution_id = self.add(command_text, secret_variables=sorted(secrets))
        self.secrets[execution_id] = secrets
        if wake:
            self.send({"type": "executions", "ids": [execution_id]})
        return execution_id

    def cancel(self, execution_id, *, wake=True):
        with self.lock:
            self.executions[execution_id]["cancel_requested_at"] = now()
        if wake:
            self.send({"type": "cancel", "ids": [execution_id]})

    def fail(self, method, path, *, times=1, **how):
        with self.lock:
            self.faults.append(Fault(method, path, times, **how))

    def send(self, frame):
        for connection in list(self.connections):
            connection.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def disconnect(self):
        for connection in list(self.connections):
            connection.close()

    def allow_key(self, username, public_key):
        self.public_keys[username] = [public_key.split()[:2]]

    def pushed(self, metrics_type):
        return [text for pushed, text in list(self.metrics) if pushed == metrics_type]

    def seen(self, method, path):
        with self.lock:
            return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def results(self, execution_id):
        return [request.body for request in self.seen("PATCH", f"/agents/command_executions/{execution_id}/result")]

    def final(self, execution_id):
        item = self.executions[execution_id]
        return item if item["status"] not in ("pending", "sent") else None

    # The interface of agents.

    def handle(self, method, path, query, body, token):
        if self.removed is not None:
            status, code = self.removed
            return error(status, code, code)
        if (method, path) == ("POST", "/agents/enrollment_keys/verify"):
            return self._verify(body)
        if (method, path) == ("POST", "/agents/nodes"):
            return self._register(body, token)
        if token is None or token not in self.tokens.values():
            return error(401, "node_removed" if token in self.tokens_of_removed else "unauthorized", "Unauthorized")
        plain = {
            ("GET", "/agents/command_executions"): lambda: self._list(query),
            ("PATCH", "/agents/nodes/me/health_check"): lambda: (200, {"data": {}, "meta": meta()}),
            ("POST", "/agents/ssh_usernames/verify_credentials"): lambda: self._verify_login(**body),
            ("POST", "/agents/ssh_usernames/check_sessions"): lambda: self._check_sessions(**body),
            ("POST", "/agents/metrics/push"): lambda: self._take_metrics(**body),
            ("POST", "/agents/diagnostics"): lambda: self._take_report(body),
            ("GET", "/agents/self_updates/check"): lambda: (200, {"data": self.self_update, "meta": meta()}),
            ("POST", "/agents/aliases"): lambda: self._alias(**body),
            ("DELETE", "/agents/nodes/me"): lambda: self._leave(token),
            ("PATCH", "/agents/command_executions/acknowledge"): lambda: self._acknowledge_several(body["ids"]),
        }
        if (method, path) in plain:
            return plain[method, path]()
        if match := ACKNOWLEDGE.fullmatch(path):
            return self._move(match[1], {"pending"}, {"status": "sent"})
        if match := ENVIRONMENT.fullmatch(path):
            return self._environment(match[1])
        if self.stored is not None and (match := OUTPUT.fullmatch(path)):
            return self._offer_upload(match[1], **body)
        if match := RESULT.fullmatch(path):
            return self._result(match[1], body)
        return error(404, "not_found", "Resource not found")

    def _leave(self, token):
        self.tokens_of_removed.add(token)
        self.tokens = {node_id: known for node_id, known in self.tokens.items() if known != token}
        return 200, {"data": {}, "meta": meta()}

    def _verify(self, body):
        if self.key_error:
            return 200, {"data": {"verified": False, "error": self.key_error, "netmaker_key": ""}, "meta": meta()}
        node_id = body["node_id"]
        if node_id not in self.uses_taken:
            self.uses_taken.append(node_id)
        token = f"registration-{uuid.uuid4()}"
        self.registration_tokens[token] = node_id
        data = {"verified": True, "error": "", "netmaker_key": token, "network_name": "cluster-north"}
        return 200, {"data": data, "meta": meta()}

    def _register(self, body, bearer):
        node_id = body["node_id"]
        if bearer is not None:
            previous, until = self.previous_tokens.get(node_id, (None, 0.0))
            is_previous = bearer == previous and self.moment < until
            if bearer != self.tokens.get(node_id) and not is_previous:
                # Not 401: the route also accepts unauthenticated nodes.
                field = "node_id" if node_id in self.tokens else "registration_token"
                return error(422, "validation_failed", "Validation failed", **{field: ["proves nothing"]})
            if not is_previous:
                self.previous_tokens[node_id] = (bearer, self.moment + PREVIOUS_TOKEN_SECONDS)
        elif key := body.get("recovery_key"):
            if self.recovery_keys.pop(node_id, None) != key:
                return error(422, "validation_failed", "Validation failed", node_id=["is already registered"])
        elif self.registration_tokens.get(body.get("registration_token")) != node_id:
            return error(422, "validation_failed", "Validation failed")
        self.tokens[node_id] = f"token-{uuid.uuid4()}"
        data = {
            "node_id": node_id,
            "api_token": self.tokens[node_id],
            "proxy_password": "proxy-secret",
            "admin_urls": [self.url] if self.named_urls is None else self.named_urls,
            "derp_map_url": None,
            "websocket_url": self.websocket_url if self.websocket else None,
            "poll_seconds": self.poll_seconds,
            "metrics_push_seconds": self.metrics_push_seconds,
        }
        return 201, {"data": data, "meta": meta()}

    def _verify_login(self, username, password=None, public_key=None):
        if public_key is None:
            verified = self.passwords.get(username) == password
        else:
            verified = public_key.split()[:2] in self.public_keys.get(username, [])
        return 200, {"data": {"verified": verified, "checked_at": "2026-11-21T10:00:00Z"}, "meta": meta()}

    def _check_sessions(self, sessions):
        ended = [each["id"] for each in sessions if each["username"] not in {*self.passwords, *self.public_keys}]
        return 200, {"data": {"ended": ended}, "meta": meta()}

    def _take_metrics(self, metrics_type, metrics_text):
        self.metrics.append((metrics_type, metrics_text))
        return 200, {"data": {"metrics_type": metrics_type}, "meta": meta()}

    def _take_report(self, report):
        self.reports.append(report)
        return 200, {"data": {}, "meta": meta()}

    def _alias(self, name):
        return self.alias_answers.get(name, (201, {"data": {"name": name}, "meta": meta()}))

    def _list(self, query):
        page, size = int(query["page"]), int(query["page_size"])
        listed = [item for item in self.executions.values() if item.get("shown_as", item["status"]) == query["status"]]
        if self.hide_sent and query["status"] == "sent":
            listed = []
        shown = listed[(page - 1) * size : page * size]
        has_next = (page - 1) * size + len(shown[: self.shows_at_most]) < len(listed)
        pagination = {"page": page, "page_size": size, "has_next": has_next}
        return 200, {"data": shown[: self.shows_at_most], "meta": {**meta(), "pagination": pagination}}

    def _acknowledge_several(self, ids):
        known = {each: self.executions[each]["status"] if each in self.executions else None for each in ids}
        if not self.takes_several:
            return error(404, "not_found", "Resource not found")
        given = [each for each, status in known.items() if status == "pending" and each not in self.refuses]
        for each in given:
            self.executions[each]["status"] = "sent"
        refused = [{"id": each, "status": status} for each, status in known.items() if each not in given]
        return 200, {"data": {"acknowledged": given, "refused": refused}, "meta": meta()}

    def _environment(self, execution_id):
        if self.secrets_status != 200:
            return error(self.secrets_status, "service_unavailable", "Service Unavailable")
        if execution_id not in self.secrets or self.final(execution_id) is not None:
            return error(409, "secret_missing", "the secret 'gone' does not exist")
        return 200, {"data": {"environment": self.secrets[execution_id]}, "meta": meta()}

    def _offer_upload(self, execution_id, size, sha256):
        if not self.offers_uploads:
            return error(503, "service_unavailable", "Service Unavailable")
        if self.final(execution_id) is not None:
            return error(409, "conflict", "Conflict")
        headers = {"x-amz-checksum-sha256": base64.b64encode(bytes.fromhex(sha256)).decode()}
        url = f"{self.url}/store/{execution_id}?size={size}&X-Amz-Signature=very-secret"
        return 201, {"data": {"url": url, "headers": headers, "expires_at": now()}, "meta": meta()}

    def put(self, path, query, headers, content):
        """The store's side of an upload: takes exactly what was announced. Returns a status."""
        if self.store_status != 200:
            return self.store_status
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        if (len(content), checksum) != (int(query["size"]), headers.get("x-amz-checksum-sha256")):
            return 400
        self.stored.setdefault(path.removeprefix("/store/"), []).append(content)
        return 200

    def whole_output(self, execution_id):
        """What was stored of an output, once, as its readers get it."""
        [content] = set(self.stored[execution_id])
        return gzip.decompress(content)

    def _result(self, execution_id, body):
        known = {"status", "output", "exit_code", "completed_at"}
        if set(body) - (known if self.stored is None else known | {"output_size", "output_ref"}):
            return error(400, "bad_request", "Bad Request")
        status = "cancelled" if body.get("exit_code") == 143 else body["status"]
        return self._move(execution_id, {"pending", "sent"}, {**body, "status": status})

    def _move(self, execution_id, sources, changes):
        item = self.executions.get(execution_id)
        if item is None:
            return error(404, "not_found", "Resource not found")
        if item["status"] not in sources:
            return error(409, "conflict", "Conflict")
        item.update(changes)
        return 200, {"data": item, "meta": meta()}

    def _admit(self, connection, request):
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.down:
            return connection.respond(503, "down")
        if self.removed is not None:
            return connection.respond(403, "forbidden")
        return None if token in self.tokens.values() else connection.respond(401, "unauthorized")

    def _hold(self, connection):
        self.connections.add(connection)
        try:
            for frame in connection:
                self.frames.append(frame)
        except ConnectionClosed:
            return
        finally:
            self.connections.discard(connection)


class _Handler(BaseHTTPRequestHandler):
    server_state: StubServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or the peer's delayed acknowledgement costs 40 ms

    def _serve(self):
        state = self.server_state
        parts = urlsplit(self.path)
        path = parts.path.removeprefix("/api/v1")
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        token = self.headers.get("authorization", "").removeprefix("Bearer ") or None
        body = json.loads(content) if content else None
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        state.before(self.command, path)
        with state.lock:
            fault = self._fault(path)
            state.requests.append(Request(self.command, path, body, token, self.headers.get("x-edge-instance")))
            if state.down or (fault is not None and fault.status is None and not fault.processed):
                self._cut_off()
                return
            if fault is not None and fault.status is not None:
                status, answer = error(fault.status, fault.code, "Fault")
            else:
                status, answer = state.handle(self.command, path, query, body, token)
        if fault is not None and fault.processed:
            self._cut_off()
            return
        encoded = json.dumps(answer).encode()
        if fault is not None and fault.content is not None:
            encoded = fault.content
        self.send_response(status)
        for name, value in (fault.headers if fault is not None else {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def do_PUT(self):
        parts = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        with self.server_state.lock:
            self.server_state.requests.append(Request("PUT", parts.path, None, None, None))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = self.server_state.put(parts.path, query, headers, content)
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _fault(self, path):
        for fault in self.server_state.faults:
            if fault.times and fault.method == self.command and re.fullmatch(fault.path, path):
                fault.times -= 1
                return fault
        return None

    def _cut_off(self):
        """Reset the connection, as a server does that dies before it has answered."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def finish(self):
        if self.connection.fileno() != -1:
            super().finish()

    def log_message(self, *_):
        """Quiet: the tests look at `requests`."""


def now():
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def meta():
    return {"timestamp": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")}


def error(status, code, message, **details):
    return status, {"error": {"code": code, "message": message, "details": details}, "meta": meta()}
